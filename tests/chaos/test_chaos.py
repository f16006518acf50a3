"""Each case in its least size, and what it rests on: faults that repeat, a page that tells of all, a clean end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_xai_collections.emulator import HttpReply
from benchmarks.processes import ROOT
from tests.chaos.__main__ import CASES, case_of, main
from tests.chaos.corpus import Corpus
from tests.chaos.failing_share import FailingEmulator
from tests.chaos.report import Case, Size, Trial, render
from tests.chaos.watched import Step

#: Seconds in which a process starts or ends, on a machine that is busy.
_PATIENCE = 120.0


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_wrong_in_any_trial(name: str) -> None:
    trials = list(case_of(name)(Size.SMALL, 1))
    assert trials
    assert [trial for trial in trials if trial.wrong] == []


def test_a_name_that_is_no_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--size", "small", "sunshine"])
    assert "unknown: sunshine; known are" in capsys.readouterr().err


def failing(seed: int, share: float, steps: list[Step]) -> dict[Step, HttpReply]:
    """The fate of calls that fail."""
    emulator = FailingEmulator(seed=seed, share=share)
    met = {step: emulator.meet(step, lambda: HttpReply(204)) for step in steps}
    emulator.close()
    return {step: reply for step, reply in met.items() if reply != HttpReply(204)}


def test_faults_follow_from_the_seed_and_not_from_the_order() -> None:
    steps = [Step("add_document", f"{number}.md", time) for number in range(500) for time in (1, 2)]
    first = failing(1, 0.2, steps)
    assert failing(1, 0.2, random.Random(3).sample(steps, len(steps))) == first
    assert failing(2, 0.2, steps).keys() != first.keys()
    assert 150 < len(first) < 250
    assert failing(1, 0.0, steps) == {}
    assert len({(reply.status, reply.cut) for reply in first.values()}) >= 8


def test_a_corpus_changes_but_for_what_is_untouched(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "source", 1)
    corpus.add(9)
    corpus.untouched.add("000/00000.md")
    before = dict(corpus.hashes)
    corpus.replace(8)
    assert [name for name in before if corpus.hashes[name] == before[name]] == ["000/00000.md"]
    corpus.remove(8)
    assert [path.relative_to(corpus.folder).as_posix() for path in corpus.folder.rglob("*.md")] == ["000/00000.md"]
    assert corpus.hashes == {"000/00000.md": before["000/00000.md"]}


def test_the_page_counts_how_trials_ended_and_names_what_is_wrong() -> None:
    trials = [
        Trial("before upload_file", "before upload_file a.md", "done by the retry"),
        Trial("after upload_file", "after upload_file a.md", "done by the retry", ("1 twice: a.md",)),
        Trial("before upload_file", "before upload_file b.md", "done"),
    ]
    page = render([Case("kills", "Kill it.", trials)], 7)
    assert "| before upload_file | 2 | done by the retry: 1, done: 1 | 0 |" in page
    assert "| after upload_file | 1 | done by the retry: 1 | **1** |" in page
    assert "\n- after upload_file: after upload_file a.md: 1 twice: a.md\n" in page
    assert "python -m tests.chaos --seed 7 NAME" in page
    assert "| all | 3 |  | 1 |" in page


def _wait_until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _processes(folder: Path) -> list[int]:
    """Return those that keep temporary files in this folder, or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or over
            continue
        if any(variable.startswith(f"TMPDIR={folder}".encode()) for variable in told):
            found.append(int(process.name))
    return found


def test_sigterm_leaves_neither_process_nor_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--size", "small", "kill_9_at_every_request"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            # A sync runs: this process, the one that starts syncs, and the sync.
            _wait_until(lambda: len(_processes(tmp_path)) >= 3)
            assert list(tmp_path.iterdir())
            process.send_signal(signal.SIGTERM)
            assert process.wait(_PATIENCE) == 128 + signal.SIGTERM
            assert list(tmp_path.iterdir()) == []
            _wait_until(lambda: not _processes(tmp_path))
        finally:
            for left in _processes(tmp_path):
                os.kill(left, signal.SIGKILL)
