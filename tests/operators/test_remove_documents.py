"""XAIRemoveDocumentsOperator: documents out of a collection, by ids, by a filter or by a scope."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.filters import ListFilter
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.documents import XAIRemoveDocumentsOperator
from tests.conftest import Connect, Logged, playing
from tests.operators.stage import Xai, run

DETACH = pytest.param(playing(delete_attached_file="detach"), id="detach")
REFUSE = pytest.param(playing(delete_attached_file="refuse"), id="refuse")


def task(**arguments: Any) -> XAIRemoveDocumentsOperator:
    return XAIRemoveDocumentsOperator(**{"task_id": "remove", **arguments})


def result(collection_id: str, **counts: Any) -> dict[str, Any]:
    zero = {"total": 0, "removed": 0, "missing": 0, "files_deleted": 0, "files_kept": 0, "collection_deleted": False}
    return {"version": 1, "collection_id": collection_id, **zero, **counts}


def files(xai: Xai) -> list[str]:
    return sorted(file.filename for file in xai.hook.list_files())


def test_the_given_documents_go_and_their_files_stay(xai: Xai) -> None:
    whales = xai.collection()
    first, _, third = (xai.document(whales, name) for name in ("a.md", "b.md", "c.md"))
    manifest = run(task(collection_id=whales, file_ids=[first, third, first], team_id="team_7"))
    assert manifest == result(whales, total=2, removed=2)
    assert [query["team_id"] for query in xai.queries("remove_document")] == ["team_7", "team_7"]
    assert xai.names(whales) == ["b.md"]
    assert files(xai) == ["a.md", "b.md", "c.md"]


@pytest.mark.parametrize("delete_files", [False, True])
def test_what_matches_the_filter_goes(xai: Xai, delete_files: bool) -> None:
    whales = xai.collection()
    for name in ("a.md", "b.txt", "c.txt"):
        xai.document(whales, name)
    wanted = ListFilter.where("name", ":", ".txt")
    manifest = run(task(collection_id=whales, filter=wanted, delete_files=delete_files, team_id="team_7"))
    assert manifest == result(whales, total=2, removed=2, files_deleted=2 if delete_files else 0)
    assert xai.queries("list_documents") == [{"team_id": "team_7", "filter": 'name:".txt"', "limit": "100"}]
    assert xai.names(whales) == ["a.md"]
    assert files(xai) == (["a.md"] if delete_files else ["a.md", "b.txt", "c.txt"])


@pytest.mark.parametrize("emulator_settings", [DETACH, REFUSE])
def test_files_go_too_even_when_the_document_is_gone(xai: Xai) -> None:
    whales = xai.collection()
    there, detached = xai.document(whales, "a.md"), xai.file("b.md")
    manifest = run(task(collection_id=whales, file_ids=[there, detached, "file_42"], delete_files=True))
    assert manifest == result(whales, total=3, removed=1, missing=2, files_deleted=2)
    assert files(xai) == []


def test_documents_that_are_not_there_are_counted(xai: Xai) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    assert run(task(collection_id=whales, file_ids=[file, "file_42"])) == result(whales, total=2, removed=1, missing=1)
    assert run(task(collection_id=whales, file_ids=file)) == result(whales, total=1, missing=1)


def test_one_failure_does_not_stop_the_others_and_a_retry_does_what_is_left(xai: Xai, connect: Connect) -> None:
    connect(retry_attempts=1)
    whales = xai.collection()
    ids = [xai.document(whales, name) for name in ("a.md", "b.md", "c.md")]
    xai.emulator.set_faults(FaultRule(endpoint="remove_document", path=f"*{ids[0]}", status=503, times=1))
    with pytest.raises(XAIError, match=f"1 of 3 documents failed: {ids[0]}: .*503.*a retry") as raised:
        run(task(collection_id=whales, file_ids=ids))
    assert not isinstance(raised.value, XAIFailException)
    assert xai.names(whales) == ["a.md"]
    assert run(task(collection_id=whales, file_ids=ids)) == result(whales, total=3, removed=1, missing=2)


def test_the_counts_are_logged(xai: Xai, logged: Logged) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, file_ids=[xai.document(whales), "file_42"], delete_files=True))
    said = f"{whales}: 1 document removed, 1 not there, 1 file deleted"
    assert said in logged()


def test_no_ids_remove_nothing(xai: Xai) -> None:
    whales = xai.collection()
    xai.document(whales)
    assert run(task(collection_id=whales, file_ids=[])) == result(whales)
    assert xai.names(whales) == ["moby.md"]


@pytest.mark.parametrize("scope", ["s3://bucket/docs", 'a"b\\', "  "])
def test_a_scope_is_meant_exactly(xai: Xai, scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the service's filter may match: scopes of two sources often begin alike."""
    monkeypatch.setattr("airflow_provider_xai_collections.emulator.documents.matches", lambda *_: True)
    whales = xai.collection(field_definitions=[{"key": "airflow_scope"}])
    for number, each in enumerate((scope, f"{scope}2", scope[:-1], None)):
        fields = {} if each is None else {"airflow_scope": each}
        xai.hook.add_document(collection_id=whales, file_id=xai.file(f"{number}.md", str(number)), fields=fields)
    assert run(task(collection_id=whales, scope=scope, delete_files=True))["removed"] == 1
    assert xai.names(whales) == ["1.md", "2.md", "3.md"]


def test_a_collection_that_knows_no_scopes_holds_nothing_of_one_and_that_is_said(xai: Xai, logged: Logged) -> None:
    """Nobody knows what the service makes of a filter by a field that is not declared."""
    whales = xai.collection()
    xai.document(whales)
    assert run(task(collection_id=whales, scope="mine")) == result(whales)
    assert f"{whales}: no document is matched. Check the scope or the filter" in logged()
    assert xai.emulator.count("list_documents") == 0
    assert xai.names(whales) == ["moby.md"]
