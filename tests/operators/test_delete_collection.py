"""XAIDeleteCollectionOperator: the collection is deleted, and its files if they should be."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.collections import XAIDeleteCollectionOperator
from tests.conftest import Connect, Logged, playing
from tests.operators.stage import Xai, run

DETACH = pytest.param(playing(delete_attached_file="detach"), id="detach")
REFUSE = pytest.param(playing(delete_attached_file="refuse"), id="refuse")


def task(**arguments: Any) -> XAIDeleteCollectionOperator:
    return XAIDeleteCollectionOperator(**{"task_id": "delete", **arguments})


def result(collection_id: str, **counts: Any) -> dict[str, Any]:
    zero = {"total": 0, "removed": 0, "missing": 0, "files_deleted": 0, "files_kept": 0, "collection_deleted": True}
    return {"version": 1, "collection_id": collection_id, **zero, **counts}


def collections(xai: Xai) -> list[str]:
    return [collection.collection_id for collection in xai.hook.list_collections()]


def files(xai: Xai) -> list[str]:
    return sorted(file.filename for file in xai.hook.list_files())


@pytest.mark.parametrize("by_name", [False, True])
def test_the_collection_goes_and_its_files_stay(xai: Xai, by_name: bool) -> None:
    whales, other = xai.collection(), xai.collection("other")
    xai.document(whales)
    named = {"collection_name": "whales"} if by_name else {"collection_id": whales}
    assert run(task(**named, team_id="team_7")) == result(whales)
    assert xai.queries("delete_collection") == [{"team_id": "team_7"}]
    assert collections(xai) == [other]
    assert files(xai) == ["moby.md"]


@pytest.mark.parametrize("emulator_settings", [DETACH, REFUSE])
def test_its_files_go_too_if_they_should_and_no_other_file_does(xai: Xai) -> None:
    whales = xai.collection()
    names = [f"{number:03}.md" for number in range(12)]
    for name in names:
        xai.document(whales, name)
    xai.file("unattached.md")
    manifest = run(task(collection_id=whales, delete_files=True, concurrency=2, team_id="team_7"))
    assert manifest == result(whales, total=12, removed=12, files_deleted=12)
    assert xai.queries("list_documents")[0]["team_id"] == "team_7"
    assert {query["team_id"] for query in xai.queries("remove_document")} == {"team_7"}
    assert collections(xai) == []
    assert files(xai) == ["unattached.md"]


@pytest.mark.parametrize("emulator_settings", [REFUSE])
def test_a_file_that_another_collection_uses_stays_where_the_service_says_so(xai: Xai, logged: Logged) -> None:
    whales, other = xai.collection(), xai.collection("other")
    shared = xai.document(whales, "shared.md")
    xai.hook.add_document(collection_id=other, file_id=shared)
    manifest = run(task(collection_id=whales, delete_files=True))
    assert manifest == result(whales, total=1, removed=1, files_kept=1)
    assert collections(xai) == [other]
    assert xai.names(other) == ["shared.md"]
    assert "Attached elsewhere, so not deleted: 1 file" in logged()


def test_a_file_that_cannot_be_deleted_keeps_its_document_and_the_collection_for_the_retry(
    xai: Xai, connect: Connect
) -> None:
    connect(retry_attempts=1)
    whales = xai.collection()
    kept = xai.document(whales, "kept.md")
    xai.document(whales, "deleted.md")
    xai.emulator.set_faults(FaultRule(endpoint="delete_file", path=f"*{kept}", status=503, times=1))
    said = rf"1 of 2 documents failed: {kept}: .*503.*The others are removed, and a retry does"
    with pytest.raises(XAIError, match=said) as raised:
        run(task(collection_id=whales, delete_files=True))
    assert not isinstance(raised.value, XAIFailException)
    assert xai.names(whales) == ["kept.md"]
    manifest = run(task(collection_id=whales, delete_files=True), try_number=2)
    assert manifest == result(whales, total=1, removed=1, files_deleted=1)
    assert files(xai) == []


def test_without_the_right_api_key_nothing_is_removed(xai: Xai, connect: Connect) -> None:
    whales = xai.collection()
    for number in range(20):
        xai.document(whales, f"{number:02}.md")
    connect(api_key="xai-wrong-wrong")
    with pytest.raises(XAIFailException, match="401"):
        run(task(collection_id=whales, delete_files=True, concurrency=1))
    assert xai.emulator.count("delete_file") < 5
    connect()
    assert len(xai.names(whales)) == 20


def test_a_collection_that_is_not_there_is_what_was_wanted(xai: Xai, logged: Logged) -> None:
    nothing = result("collection_42", collection_deleted=False)
    assert run(task(collection_id="collection_42")) == nothing
    assert run(task(collection_id="collection_42", delete_files=True)) == nothing
    assert "Collection collection_42 is not there: nothing to delete" in logged()


def test_in_fail_mode_a_retry_takes_it_for_its_own_doing(xai: Xai) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, if_missing="fail"))
    assert run(task(collection_id=whales, if_missing="fail"), try_number=2) == result(whales, collection_deleted=False)
    run(task(collection_name="whales", if_missing="fail"), try_number=2)
