"""Each benchmark in its least size: what it counts has to be right on any machine. What it measures may be anything."""

from __future__ import annotations

import os
from mmap import mmap
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import BENCHMARKS, Benchmark
from benchmarks.jobs import JOBS
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop
from benchmarks.report import lines, render
from benchmarks.service import Asked, polls
from benchmarks.usage import Used, measured


class HereWorkshop(Workshop):
    """Runs jobs in this process, which has loaded Airflow already."""

    def run(self, job: str, connection: str, **options: Any) -> Used:
        os.environ["AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"] = connection
        return JOBS[job](**options)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setenv("AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT", "")
    return HereWorkshop(tmp_path)


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_the_counts_of_each_benchmark_are_right(workshop: Workshop, benchmark: Benchmark) -> None:
    outcome = benchmark.run(workshop, **benchmark.small)
    assert outcome.counts
    assert outcome.wrong == []


def test_a_job_has_a_process_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the job bare failed"):
        Workshop(tmp_path).run("bare", "not a connection", count=1, concurrency=1)


def test_memory_that_was_given_back_is_in_the_peak() -> None:
    def use() -> None:
        with mmap(-1, 50_000_000) as memory:  # memory of the heap may be there already
            memory.write(b"x" * 50_000_000)

    assert 45 < measured(use).megabytes < 150
    assert measured(lambda: None).megabytes < 20


def test_polls_are_told_apart() -> None:
    several = [
        Asked(0.0, ("a", "b")),
        Asked(0.1, ("c",)),
        Asked(0.2, ("a",)),  # again: the next poll
        Asked(9.0, ("d",)),  # after a pause
    ]
    assert polls(several, pause=1.0) == [(3, 2), (1, 1), (1, 1)]
    assert polls([], pause=1.0) == []


def test_a_wrong_count_is_said_and_a_goal_that_is_not_met_is_no_mistake() -> None:
    outcome = Outcome("Whales")
    outcome.at_most("seconds", 2.0, 1.0)
    outcome.at_least("share", 0.95, 0.9)
    outcome.figure("memory", "3 MB")
    outcome.grid(("depth", "shallow", "deep"), [("song", "1.00", "2.00")])
    assert outcome.wrong == []
    outcome.exactly("uploads", 3, 2)
    outcome.between("polls", 1, 1, 5)
    assert [count.what for count in outcome.wrong] == ["uploads"]
    page = render([outcome])
    assert "| depth | shallow | deep |\n| --- | --- | --- |\n| song | 1.00 | 2.00 |\n" in page
    assert "| seconds | 2.00 | at most 1 | **not met** |" in page
    assert "| uploads | 3 | 2 | **wrong** |" in page
    assert "| polls | 1 | 1 to 5 | right |" in page
    assert "  song | 1.00 | 2.00" in lines(outcome)
    assert "  WRONG: uploads: 3, allowed 2" in lines(outcome)
