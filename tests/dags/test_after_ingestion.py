"""The recipes for what comes after an ingestion, or around it, in a real Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.emulator import FaultRule
from tests.assets.triggering import triggered_by
from tests.conftest import playing
from tests.dags.conftest import Airflow
from tests.dags.test_dags import FILES, load
from tests.operators.stage import Xai


def test_documents_are_reindexed_when_the_chunking_changed_and_only_then(xai: Xai, airflow: Airflow) -> None:
    small: dict[str, Any] = {"chars_configuration": {"max_chunk_size_chars": 200, "chunk_overlap_chars": 20}}
    large: dict[str, Any] = {"chars_configuration": {"max_chunk_size_chars": 900, "chunk_overlap_chars": 20}}
    library = xai.collection("library", chunk_configuration=large)
    xai.document(library, content="Call me Ishmael. " * 40)
    for chunks, reindexed in ((large, 0), (small, 1), (small, 1)):
        airflow.test("xai_reindex_after_chunking", {"collection_name": "library", "chunks": chunks})
        assert xai.emulator.count("reindex_document") == reindexed
    assert xai.emulator.count("update_collection") == 1
    chunking = xai.describe(library).chunk_configuration
    assert chunking is not None
    assert chunking.model_dump(exclude_none=True)["chars_configuration"] == small["chars_configuration"]
    [document] = xai.documents(library)
    assert (document.chunk_count or 0) > 1


@pytest.mark.parametrize("emulator_settings", [playing(search_lag="reads:1")])
def test_only_what_is_found_is_published(xai: Xai, airflow: Airflow) -> None:
    for _ in range(2):
        said = airflow.test("xai_search_gate", {})
        assert "Published: # Opening hours" in said
    assert xai.emulator.count("search_documents") == 3  # it was not found at once
    assert xai.emulator.count("upload_document") == 1
    xai.emulator.set_faults(FaultRule(endpoint="search_documents", status=400))
    said = airflow.test("xai_search_gate", {}, fails=True)
    assert "Published" not in said


def test_an_evaluation_fails_the_run_if_too_little_is_answered(xai: Xai, airflow: Airflow) -> None:
    questions = [
        {"question": "Who is called Ishmael?", "document": "moby.md"},
        {"question": "What is a xylophone?", "document": "music.md"},
    ]
    params = {"collection_name": "upstream", "questions": questions, "at_least": 0.5}
    airflow.test("xai_evaluation_on_event", params)
    assert xai.emulator.count("search_documents") == 0  # there is no collection of the name yet
    whales = xai.collection("upstream", field_definitions=[{"key": "airflow_source_uri"}])
    file_id = xai.file("moby.md")
    xai.hook.add_document(collection_id=whales, file_id=file_id, fields={"airflow_source_uri": "file:///moby.md"})
    said = airflow.test("xai_evaluation_on_event", params)
    assert "answered  Who is called Ishmael?" in said
    assert "MISSED    What is a xylophone?" in said
    # Not as a run, which would take the time of its retries.
    [dag] = load(next(path for path in FILES if path.stem == "xai_evaluation_on_event")).dags.values()
    evaluate = dag.get_task("evaluate").python_callable
    with pytest.raises(AirflowException, match=f"{whales} answers 50%, and 90% are wanted") as failed:
        evaluate(collection_id=whales, params={**params, "at_least": 0.9})
    assert not isinstance(failed.value, AirflowFailException), "what is new is not found at once: a retry may find it"
    [(name,)] = set(
        airflow.ask("SELECT rendered_map_index FROM task_instance WHERE task_id = 'evaluate' AND map_index = 0")
    )
    assert name == whales


def test_an_evaluation_asks_the_collection_whose_event_triggered_it(xai: Xai) -> None:
    xai.collection("upstream")
    [path] = [path for path in FILES if path.stem == "xai_evaluation_on_event"]
    [dag] = load(path).dags.values()
    function = dag.get_task("collections").python_callable
    triggered = triggered_by(create_asset(collection_id="collection_7"))
    assert function(params={"collection_name": "upstream"}, **triggered) == ["collection_7"]


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:1"), playing(fail_names=("b.txt",))])
def test_nothing_of_a_trial_is_left_whether_it_succeeds_or_fails(xai: Xai, folder: Path, airflow: Airflow) -> None:
    fails = bool(xai.emulator.settings.fail_names)
    airflow.test("xai_setup_teardown", {"documents": str(folder), "question": "Who mentions gamma?"}, fails=fails)
    assert xai.emulator.count("create_collection") == xai.emulator.count("delete_collection") == 1
    assert xai.emulator.count("search_documents") == (0 if fails else 1)
    assert xai.emulator.count("upload_document") == (3 + 2 if fails else 3)  # each retry uploads what failed again
    assert xai.hook.list_collections() == []
    assert xai.hook.list_files() == []
