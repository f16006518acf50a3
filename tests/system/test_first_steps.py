"""The page of first steps, typed by a newcomer: from the wheel, in an environment of its own, to the page in a browser.

Other ports than the page's are used, and a home of its own; `pip install` takes the wheel of this tree.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.browsers import Console, open_page
from tests.system.processes import Process, free_port, tail, until
from tests.system.shells import Saved, Shell, Typed, missing, steps
from tests.system.stack import ARTEFACTS, ROOT
from tests.system.wheels import Environments, bare_environment

PAGE = ROOT / "docs" / "first-steps.md"
#: Ports that the page names: the emulator's and Airflow's.
EMULATOR, AIRFLOW = "8321", "8080"
#: Commands that end with another exit code than 0.
EXIT_CODES = {"xai-collections diff": 1}


@dataclass
class Walk:
    """Everything that the reader has seen after all that is typed.

    :param wrong: of commands: exit codes and lines that are not as the page says.
    """

    url: str
    airflow: Process
    wrong: list[str]


class Reader:
    """Somebody who types what the page says.

    :param home: an empty folder, as the home of the user.
    """

    def __init__(self, home: Path, environments: Environments, at_end: ExitStack) -> None:
        self._home = home
        self._environments = environments
        self._at_end = at_end
        self._logs = home / "logs"
        self._logs.mkdir()
        self._ports = {EMULATOR: str(free_port()), AIRFLOW: str(free_port())}
        self._url = f"http://127.0.0.1:{self._ports[AIRFLOW]}"
        self._shell = Shell(bare_environment(home, home) | self._other_port(), self._logs)

    def _other_port(self) -> dict[str, str]:
        """Settings that Airflow needs where another one may have its port; and it shall take few cores."""
        return {
            "AIRFLOW__API__PORT": self._ports[AIRFLOW],
            "AIRFLOW__API__BASE_URL": self._url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        }

    def walk(self) -> Walk:
        """Type and save everything."""
        wrong: list[str] = []
        airflow = None
        for step in steps(self._with_our_ports(PAGE.read_text(encoding="utf-8"))):
            match step:
                case Saved(path, text):
                    Path(path.replace("~", str(self._home))).write_text(text, encoding="utf-8")
                case Typed("airflow standalone"):
                    airflow = self._start(step)
                case Typed(command) if command.startswith("xai-collections emulator"):
                    self._start(step)
                case Typed():
                    wrong += self._type(step)
        assert airflow is not None, "the page starts Airflow"
        return Walk(self._url, airflow, wrong)

    def _with_our_ports(self, text: str) -> str:
        for port, ours in self._ports.items():
            text = text.replace(port, ours)
        return text

    def _start(self, step: Typed) -> Process:
        process = self._shell.start(step.command, step.command.split()[1])
        self._at_end.callback(process.stop)

        def has_said_all() -> bool:
            process.check()
            return not missing(step.shown, process.log.read_text(errors="replace"))

        until(has_said_all, f"{step.command} says {step.shown}")
        return process

    def _type(self, step: Typed) -> list[str]:
        command = step.command
        if command.startswith("python3 -m venv venv"):
            environment = self._environments.make("3.3")  # which others use as well
            command = command.replace("python3 -m venv", f"ln -s '{environment}'")
        elif command.startswith("pip install"):
            return []  # done already
        done = self._shell.run(command)
        expected = next((code for start, code in EXIT_CODES.items() if command.startswith(start)), 0)
        unsaid = missing(step.shown, done.stdout)
        if done.returncode == expected and not unsaid:
            return []
        return [f"$ {command}\nexit code {done.returncode}, not said: {unsaid}; said:\n{done.stdout}"]


@pytest.fixture(scope="module")
def walk(environments: Environments) -> Iterator[Walk]:
    """The page has been followed to its end, and Airflow is up."""
    with tempfile.TemporaryDirectory(prefix="airflow-first-steps-") as folder, ExitStack() as at_end:
        walk = Reader(Path(folder), environments, at_end).walk()

        def is_up() -> bool:
            walk.airflow.check()
            try:
                health = httpx.get(f"{walk.url}/api/v2/monitor/health", trust_env=False).json()
            except (httpx.TransportError, ValueError):
                return False
            return all(health[each]["status"] == "healthy" for each in ("scheduler", "dag_processor"))

        try:
            until(is_up, "airflow standalone is up")
            yield walk
        finally:
            shutil.copy(walk.airflow.log, ARTEFACTS / "standalone.log")


def trigger(page: Page) -> None:
    """Press the buttons that the page of first steps names."""
    page.goto("/")
    page.get_by_role("link", name="Dags", exact=True).first.click()
    # Airflow looks for new ones by itself, and so does its list.
    page.get_by_role("link", name="handbook", exact=True).first.click()
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()


def open_ours(page: Page) -> None:
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="xAI Collections").click()


def has_run(page: Page) -> bool:
    """Read the page again, and tell whether the run is over."""
    ours = page.frame_locator("iframe")
    ours.get_by_role("link", name="Read again").click()
    row = ours.get_by_role("row").filter(has_text="handbook")
    row.wait_for()
    return "In step" in row.inner_text()


def test_first_steps(walk: Walk, browser: Browser, screenshots: Path) -> None:
    assert walk.wrong == []
    with open_page(browser, walk.url) as page:
        console = Console(page)
        try:
            trigger(page)
            open_ours(page)
            until(lambda: has_run(page), "the run is on the page")
        except Exception as error:
            page.screenshot(path=screenshots / "first-steps-failed.png")
            raise AssertionError(f"{error}\n{tail(walk.airflow.log)}") from error
        ours = page.frame_locator("iframe")
        row = ours.get_by_role("row").filter(has_text="handbook")
        expect(row).to_contain_text("In step")
        expect(row.get_by_role("cell").nth(1)).to_contain_text("3 processed, 0 in progress, 0 failed")
        expect(row.get_by_role("cell").nth(6)).to_have_text("1")
        page.screenshot(path=screenshots / "first-steps.png")
        row.get_by_role("link", name="handbook").click()
        for name in ("contracts.md", "holidays.md", "expenses.md"):
            expect(ours.get_by_role("row").filter(has_text=name)).to_contain_text("Processed")
        ours.get_by_role("link", name="Runs", exact=True).click()
        expect(ours.get_by_role("table")).to_contain_text("Done")
        assert console.errors == []
