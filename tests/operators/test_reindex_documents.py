"""XAIReindexDocumentsOperator: documents indexed again, each once."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.operators.documents import XAIReindexDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run

SLOW = pytest.param(playing(indexing="reads:2"), id="slow")
FAILING = pytest.param(playing(fail_names=("bad*",)), id="failing")
TEXT = "Call me Ishmael. Some years ago, never mind how long precisely."
SMALLER = {"chars_configuration": {"max_chunk_size_chars": 20, "chunk_overlap_chars": 0}}


def task(**arguments: Any) -> XAIReindexDocumentsOperator:
    return XAIReindexDocumentsOperator(**{"task_id": "reindex", **arguments})


def counts(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: manifest[name] for name in ("total", "added", "already_there", "reindexed")}


def all_are(number: int) -> dict[str, int]:
    return {"total": number, "added": 0, "already_there": number, "reindexed": number}


def chunks(xai: Xai, collection_id: str) -> list[int | None]:
    return [document.chunk_count for document in xai.documents(collection_id)]


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_the_given_documents_get_the_chunks_of_now(xai: Xai) -> None:
    whales = xai.collection()
    first, second = (xai.document(whales, name, TEXT) for name in ("a.md", "b.md"))
    xai.hook.wait_for_documents(collection_id=whales, poll_interval=0.01)
    xai.hook.update_collection(collection_id=whales, chunk_configuration=SMALLER)
    xai.forget()
    manifest = run(task(collection_id=whales, file_ids=[second, second], team_id="team_7"))
    assert counts(manifest) == all_are(1)
    assert manifest["file_ids"] == [second]
    assert manifest["wait"]["processed"] == 1
    assert xai.queries("reindex_document") == [{"team_id": "team_7"}]
    before, after = chunks(xai, whales)
    assert before == 1
    assert after is not None
    assert after > 1
    assert first not in manifest["file_ids"]


def test_all_means_each_document_of_the_collection_once(xai: Xai) -> None:
    whales, other = xai.collection(), xai.collection("other")
    ids = {xai.document(whales, f"{number}.md") for number in range(5)}
    xai.document(other)
    assert counts(run(task(collection_id=whales, which="all", team_id="team_7"))) == all_are(5)
    assert {query["team_id"] for query in xai.queries("list_documents")} == {"team_7"}
    paths = [request.path for request in xai.emulator.requests if request.method == "PATCH"]
    assert sorted(path.rpartition("/")[2] for path in paths) == sorted(ids)


@pytest.mark.parametrize("emulator_settings", [FAILING])
def test_failed_means_only_those_that_failed(xai: Xai) -> None:
    whales = xai.collection()
    xai.document(whales, "good.md")
    bad = xai.document(whales, "bad.md")
    with pytest.raises(XAIIndexingError, match=rf"1 of 1 document.*bad\.md \({bad}\)"):
        run(task(collection_id=whales, which="failed"))
    manifest = run(task(collection_id=whales, which="failed", max_failed=None))
    assert counts(manifest) == all_are(1)
    assert manifest["wait"]["failed"] == 1


@pytest.mark.parametrize("which", ["failed", "all"])
@pytest.mark.parametrize("deferrable", [False, True])
def test_where_there_is_none_nothing_is_done(xai: Xai, which: str, deferrable: bool, logged: Logged) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, which=which, deferrable=deferrable))
    assert counts(manifest) == all_are(0)
    assert manifest["wait"] is None
    assert xai.emulator.count("list_documents") == 1
    assert xai.emulator.count("reindex_document") == 0
    assert f"{whales}: no document to reindex" in logged()


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_deferred_a_new_task_object_finishes_and_nothing_is_reindexed_again(xai: Xai) -> None:
    whales = xai.collection()
    ids = [xai.document(whales, f"{number}.md") for number in range(3)]
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=ids, deferrable=True))
    manifest = await finish(deferred[0], task(collection_id=whales, file_ids=ids, deferrable=True))
    assert counts(manifest) == all_are(3)
    assert manifest["wait"]["processed"] == 3
    assert xai.emulator.count("reindex_document") == 3


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_deferred_the_trigger_watches_documents_and_lists_no_collection(xai: Xai) -> None:
    whales = xai.collection()
    ids = {xai.document(whales, f"{number}.md") for number in range(3)}
    with deferring() as deferred:
        run(task(collection_id=whales, which="all", deferrable=True))
    assert set(deferred[0].trigger.serialize()[1]["file_ids"]) == ids


def test_a_document_that_is_not_there_is_named_and_does_not_stop_the_others(xai: Xai) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    with pytest.raises(XAIFailException, match=r"1 of 2 documents failed: file_42: .*404"):
        run(task(collection_id=whales, file_ids=["file_42", file]))
    assert xai.emulator.count("reindex_document") == 2
