"""XAISearchDocumentsOperator: passages that fit an XCom, and a gate that knows what is missing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.filters import SearchFilter
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS
from airflow_provider_xai_collections.exceptions import XAITimeoutError
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import sync

LAGGING = pytest.param(playing(search_lag="reads:3"), id="lagging")


def task(**arguments: Any) -> XAISearchDocumentsOperator:
    return XAISearchDocumentsOperator(**{"task_id": "search", "query": "whale", **arguments})


def test_every_argument_reaches_the_wire(xai: Xai) -> None:
    whales = xai.collection()
    run(
        task(
            query="white whale",
            collection_ids=[whales],
            filter=SearchFilter.where("year", ">=", "1851"),
            limit=3,
            instructions="prefer ships",
            retrieval_mode={"type": "keyword"},
            group_by={"keys": ["year"]},
        )
    )
    assert xai.bodies("search_documents") == [
        {
            "query": "white whale",
            "source": {"collection_ids": [whales]},
            "filter": 'year >= "1851"',
            "limit": 3,
            "instructions": "prefer ships",
            "retrieval_mode": {"type": "keyword"},
            "group_by": {"keys": ["year"]},
        }
    ]


def test_the_manifest_has_the_best_passages(xai: Xai, logged: Logged) -> None:
    whales = xai.collection()
    file = xai.file("moby.md", "the white whale")
    xai.hook.add_document(collection_id=whales, file_id=file, fields={"year": "1851"})
    found = run(task(collection_ids=whales))
    [passage] = found["matches"]
    assert (found["version"], found["collection_ids"], found["total"]) == (1, [whales], 1)
    assert found["best_score"] == passage["score"] > 0
    assert passage["file_id"] == file
    assert passage["chunk_id"]
    where = f"{whales}/{file}"
    assert passage["fields"] == {"title": "moby.md", "chroma:uri": where, "year": "1851"}
    assert passage["text"] == "the white whale"
    assert "Found 1 passage, the best scores " in logged()


@pytest.mark.parametrize("emulator_settings", [playing(json_chunks=True)])
def test_no_json_and_no_fields_of_ours_are_shown_unless_they_are_asked_for(xai: Xai, tmp_path: Path) -> None:
    whales = sync(write(tmp_path / "library", {"moby.md": "the white whale"}), fields={"year": "1851"})["collection_id"]
    (match,) = xai.hook.search_documents(query="whale", collection_ids=[whales])
    assert match.chunk_content.startswith("[{"), "as the service sent it"
    [passage] = run(task(collection_ids=[whales]))["matches"]
    assert passage["text"] == match.text == "the white whale"
    assert passage["fields"].keys() == {"title", "chroma:uri", "year"}
    [passage] = run(task(collection_ids=[whales], managed_fields=True))["matches"]
    assert passage["fields"].keys() == {"title", "chroma:uri", "year"} | MANAGED_KEYS


def test_a_large_answer_stays_a_small_xcom(xai: Xai, logged: Logged) -> None:
    whales = xai.collection()
    for number in range(20):
        xai.document(whales, f"{number}.md", "鯨 whale " * 200)
    found = run(task(collection_ids=[whales], limit=20, max_chars=1000))
    assert found["total"] == 20
    assert 0 < len(found["matches"]) < 20
    assert len(json.dumps(found)) < 16 * 1024
    assert f"The manifest has room for {len(found['matches'])} of them" in logged()


def test_nothing_found_is_fine_if_nothing_is_expected(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    found = run(task(collection_ids=[whales]))
    assert (found["total"], found["best_score"], found["matches"]) == (0, None, [])
    assert xai.emulator.counts == {"search_documents": 1}
    assert clock.pauses == []


@pytest.mark.parametrize("emulator_settings", [LAGGING])
@pytest.mark.parametrize("gate", ["min_matches", "min_score", "expect_file_ids"])
def test_a_gate_waits_for_what_is_not_findable_yet(xai: Xai, clock: FlyingTime, gate: str) -> None:
    whales = xai.collection()
    file = xai.document(whales, "moby.md", "the white whale")
    expectation = {"min_matches": 1, "min_score": 0.0, "expect_file_ids": [file]}[gate]
    found = run(task(collection_ids=[whales], poll_interval=7, **{gate: expectation}))
    assert found["total"] == 1
    assert clock.pauses == [7.0, 7.0, 7.0]
    assert xai.emulator.count("search_documents") == 4


@pytest.mark.parametrize("timeout", [20, timedelta(seconds=20)])
def test_a_gate_that_stays_shut_says_what_is_missing_and_no_content(
    xai: Xai, clock: FlyingTime, timeout: float | timedelta
) -> None:
    whales = xai.collection()
    file = xai.document(whales, "moby.md", "the white whale")
    gate = {"min_matches": 2, "expect_file_ids": [file, "file_42"]}
    with pytest.raises(XAITimeoutError) as raised:
        run(task(collection_ids=[whales], timeout=timeout, poll_interval=timedelta(seconds=8), **gate))
    said = str(raised.value)
    assert said.startswith(
        f"search_documents({whales}): the search found 1 passage instead of 2; no passage of file_42, after 20 "
        "seconds (passages: the best of 1 scores "
    )
    assert said.endswith("in the collection and processed, and that query and filter fit them")
    assert "white" not in said
    assert sum(clock.pauses) == pytest.approx(20, abs=1)
    assert len(clock.pauses) == 3


def test_an_unknown_collection_fails_the_task_at_once_and_is_named(xai: Xai) -> None:
    with pytest.raises(XAIFailException, match=r"search_documents\(collection_42\).*404"):
        run(task(collection_ids=["collection_42"], min_matches=1))
    assert xai.emulator.counts == {"search_documents": 1}
