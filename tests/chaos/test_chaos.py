"""Each case in its least size, and what it rests on: checks that notice, a clock that hurries, faults that repeat."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import HttpReply, Store
from airflow_provider_xai_collections.emulator.records import FileRecord
from chaos.__main__ import CASES, case_of, main
from chaos.cases.weather import Weather
from chaos.checks import Held, wrong_documents, wrong_process
from chaos.clock import FastClock
from chaos.corpus import Corpus
from chaos.jobs import Tried
from chaos.report import Case, lines, render
from chaos.service import API_KEY, Step, keys_in
from chaos.trials import Size, Trial


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_wrong_in_any_trial(name: str) -> None:
    trials = list(case_of(name)(Size.SMALL, 1))
    assert trials
    assert [trial for trial in trials if trial.wrong] == []


def test_a_name_that_is_no_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--size", "small", "sunshine"])
    assert "unknown: sunshine; known are" in capsys.readouterr().err


# Checks


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path / "source", 1)
    corpus.add(4)
    return corpus


def held(*documents: tuple[str, str], collections: int = 1) -> Held:
    files = (FileRecord(f"file_{name}", name, "text/markdown", 9, digest, "", 0.0) for name, digest in documents)
    return Held(collections, tuple(files), (), Counter(), 0)


def test_a_collection_that_equals_its_source_is_as_it_should_be(corpus: Corpus) -> None:
    assert list(wrong_documents(held(*corpus.hashes.items()), corpus)) == []


def test_each_difference_between_collection_and_source_is_noticed(corpus: Corpus) -> None:
    (first, digest), (second, _), *others = corpus.hashes.items()
    there = held((first, digest), (first, digest), (second, "old"), others[0], ("stranger.md", "00"), collections=2)
    assert list(wrong_documents(replace(there, unprocessed=(second,)), corpus)) == [
        "2 collections",
        f"1 not processed: {second}",
        f"1 twice: {first}",
        f"1 missing: {others[1][0]}",
        "1 not in the source: stranger.md",
        f"1 of another content: {second}",
    ]


def test_what_a_process_keeps_is_noticed() -> None:
    assert list(wrong_process(Tried(grown=8_000_000), 100)) == []
    left = Tried(left_open=["socket:[1]"], grown=8_300_000)
    assert list(wrong_process(left, 100)) == [
        "1 left open: socket:[1]",
        "8.3 MB are still in use after 100 documents; 8.2 may be",
    ]


def test_a_key_is_found_wherever_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log.txt").write_text(f"Bearer {API_KEY}\n")
    (tmp_path / "report.jsonl").write_text("{}\n")
    assert keys_in(tmp_path) == ["log.txt"]


# What repeats


def struck(seed: int, share: float, steps: list[Step]) -> dict[Step, HttpReply]:
    """What the weather makes of calls, those left alone aside."""
    emulator = Weather(Store(), FastClock.started(1), seed=seed, share=share)
    met = {step: emulator.meet(step, lambda: HttpReply(204)) for step in steps}
    emulator.close()
    return {step: reply for step, reply in met.items() if reply != HttpReply(204)}


def test_the_weather_follows_from_the_seed_and_not_from_the_order() -> None:
    steps = [Step("add_document", f"{number}.md", time) for number in range(500) for time in (1, 2)]
    first = struck(1, 0.2, steps)
    assert struck(1, 0.2, random.Random(3).sample(steps, len(steps))) == first
    assert struck(2, 0.2, steps).keys() != first.keys()
    assert 150 < len(first) < 250
    assert struck(1, 0.0, steps) == {}
    assert len({(reply.status, reply.cut) for reply in first.values()}) >= 8


def test_a_corpus_changes_by_its_seed(tmp_path: Path) -> None:
    def made(seed: int, folder: str) -> dict[str, Any]:
        corpus = Corpus(tmp_path / folder / "source", seed)
        corpus.add(9)
        corpus.untouched.add("000/00000.md")
        before = dict(corpus.hashes)
        corpus.replace(3)
        changed = [name for name in before if corpus.hashes[name] != before[name]]
        corpus.remove(3)
        files = sorted(path.relative_to(corpus.folder).as_posix() for path in corpus.folder.rglob("*.md"))
        assert (len(changed), files) == (3, sorted(corpus.hashes))
        assert corpus.hashes["000/00000.md"] == before["000/00000.md"]
        return {"changed": changed, "hashes": corpus.hashes}

    assert made(1, "a") == made(1, "b")
    assert made(1, "c") != made(2, "d")


def test_a_fast_clock_sleeps_little_and_shows_that_it_slept_long() -> None:
    clock = FastClock.started(1000)
    before = clock.time()
    clock.sleep(100)
    assert clock.time() - before >= 100
    assert FastClock(clock.speed, clock.origin, clock.epoch).time() == pytest.approx(clock.time(), abs=100)


# What is told


def test_the_page_counts_how_trials_ended_and_names_what_is_wrong() -> None:
    trials = [
        Trial("before upload_file", "before upload_file a.md", "done by the retry"),
        Trial("after upload_file", "after upload_file a.md", "done by the retry", ("1 twice: a.md",)),
        Trial("before upload_file", "before upload_file b.md", "done"),
        Trial("before upload_file", "before upload_file c.md", "done by the retry"),
    ]
    case = Case("kills", "Kill it.", trials)
    assert [trial.what for trial in case.wrong] == ["after upload_file a.md"]
    page = render([case], 7)
    assert "| before upload_file | 3 | done by the retry: 2, done: 1 | 0 |" in page
    assert "| after upload_file | 1 | done by the retry: 1 | **1** |" in page
    assert "\n- after upload_file: after upload_file a.md: 1 twice: a.md\n" in page
    assert "python -m chaos --seed 7 NAME" in page
    assert lines(case)[-2:] == [
        "  3 of 4 as they should be",
        "  WRONG: after upload_file: after upload_file a.md: 1 twice: a.md",
    ]
