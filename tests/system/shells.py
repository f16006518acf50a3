"""A shell in which the commands of a page are typed, one after another."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.system.processes import Process

#: Blocks that are typed, and those that are saved as a file whose name stands in the text before.
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`(~/[^`]+\.py)`")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a page, with the lines that it shows as the answer."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that the reader of a page makes."""

    path: str
    text: str


def steps(page: str) -> Iterator[Typed | Saved]:
    """Yield what the reader of a page does, in its order."""
    for block in _BLOCK.finditer(page):
        kind, text = block.groups()
        if kind == "python":
            yield Saved(_FILE.findall(page[: block.start()])[-1], text)
            continue
        for typed in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, answer = typed.partition("\n")
            yield Typed(command, tuple(answer.splitlines()))


def missing(shown: tuple[str, ...], said: str) -> list[str]:
    """Return the lines that were not said; widths of columns do not matter, and ``…`` is anything."""
    patterns = {line: r"\s+".join(re.escape(word).replace("…", ".*") for word in line.split()) for line in shown}
    return [line for line, pattern in patterns.items() if not re.search(pattern, said)]


class Shell:
    """A shell that keeps its folder and its variables from one command to the next.

    :param variables: at its start, ``HOME`` among them.
    :param logs: an existing folder for what is said.
    """

    def __init__(self, variables: Mapping[str, str], logs: Path) -> None:
        self.variables = dict(variables)
        self._logs = logs
        self._folder = variables["HOME"]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; stdout and stderr are one."""
        state = self._logs / "state"
        script = f"{command}\ncode=$?; pwd > '{state}'; env -0 >> '{state}'; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self._folder, _, variables = state.read_text().partition("\n")
        self.variables = dict(each.split("=", 1) for each in variables.split("\0") if each)
        return done

    def start(self, command: str, name: str) -> Process:
        """Start a command that runs until Ctrl-C; its log has this name."""
        return Process(
            ["bash", "-c", f"exec {command}"],
            log=self._logs / f"{name}.log",
            environment=self.variables,
            stop_signal=signal.SIGINT,
            cwd=self._folder,
        )
