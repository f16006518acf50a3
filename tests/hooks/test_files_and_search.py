"""Files, search and the key: what the hook does beside collections and their documents."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAINotFoundError,
    XAISourceError,
    XAIUnfitDocumentError,
)
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator, playing

from .asking import Ask, add_document, add_file, every


def test_upload_file(hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path) -> None:
    (tmp_path / "moby.txt").write_text("call me Ishmael")
    file = hook.upload_file(path=tmp_path / "moby.txt", filename="Moby Dick.txt", expires_after=3600, purpose="books")
    assert (file.filename, file.bytes) == ("Moby Dick.txt", 15)
    assert b'name="purpose"\r\n\r\nbooks\r\n' in emulator.requests[-1].body, "sent, although the service ignores it"
    assert file.created_at is not None
    assert file.expires_at is not None
    assert (file.expires_at - file.created_at).total_seconds() == 3600
    assert hook.get_file(file_id=file.id) == file


def test_an_upload_keeps_the_name_of_its_path_and_does_not_expire(hook: XAICollectionsHook, tmp_path: Path) -> None:
    (tmp_path / "Größe 1.txt").write_text("call me Ishmael")
    file = hook.upload_file(path=str(tmp_path / "Größe 1.txt"))
    assert (file.filename, file.expires_at) == ("Größe 1.txt", None)


@pytest.mark.parametrize(
    ("name", "size", "limit"), [("upload_file", 50_000_001, 50), ("upload_document", 100_000_001, 100)]
)
def test_a_file_above_the_limit_of_the_call_is_not_sent(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path, name: str, size: int, limit: int
) -> None:
    os.truncate(os.open(tmp_path / "large.bin", os.O_CREAT | os.O_WRONLY), size)
    target = {"collection_id": "collection_1"} if name == "upload_document" else {}
    with pytest.raises(XAISourceError, match=f"large.bin has {limit}.1 MB, above the {limit} MB that this call takes"):
        getattr(hook, name)(path=tmp_path / "large.bin", **target)
    assert not emulator.requests


def test_a_document_uploaded_in_one_call_may_be_larger_than_a_file(hook: XAICollectionsHook, tmp_path: Path) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    os.truncate(os.open(tmp_path / "large.zip", os.O_CREAT | os.O_WRONLY), 50_000_001)
    document = hook.upload_document(collection_id=collection_id, path=tmp_path / "large.zip")
    assert document.file_metadata is not None
    assert document.file_metadata.size_bytes == 50_000_001


def test_upload_document(hook: XAICollectionsHook, tmp_path: Path) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    (tmp_path / "moby").write_text("# call me Ishmael")
    uploaded = hook.upload_document(
        collection_id=collection_id,
        path=tmp_path / "moby",
        name="moby.md",
        content_type="text/x-web-markdown",
        fields={"author": "Melville"},
    )
    assert uploaded.file_metadata is not None
    document = hook.get_document(collection_id=collection_id, file_id=uploaded.file_metadata.file_id)
    assert (document.name, document.file_metadata.content_type) == ("moby.md", "text/x-web-markdown")
    assert document.fields == {"author": "Melville"}


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("moby.yaml", b"a: 1", "text/yaml"),
        ("moby", b"Call me", "text/plain"),
        ("moby.txt", b"%PDF-1.7", "application/pdf"),
    ],
)
def test_an_uploaded_document_is_sent_under_a_type_that_xai_names(
    hook: XAICollectionsHook, tmp_path: Path, name: str, content: bytes, content_type: str
) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    (tmp_path / name).write_bytes(content)
    uploaded = hook.upload_document(collection_id=collection_id, path=tmp_path / name)
    assert uploaded.file_metadata is not None
    assert uploaded.file_metadata.content_type == content_type


def test_what_xai_would_not_index_is_not_sent_unless_its_type_is_given(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path
) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    emulator.reset_log()
    (tmp_path / "moby.png").write_bytes(b"\x89PNG")
    with pytest.raises(XAIUnfitDocumentError, match=r"moby.png is image/png by its name \(.png\)"):
        hook.upload_document(collection_id=collection_id, path=tmp_path / "moby.png")
    assert emulator.counts == {}
    hook.upload_document(collection_id=collection_id, path=tmp_path / "moby.png", content_type="text/plain")
    assert emulator.counts == {"upload_document": 1}


def test_fields_are_declared_before_they_are_used_and_what_is_defined_is_asked_once(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path
) -> None:
    collection_id = hook.create_collection(collection_name="Whales", field_definitions=[{"key": "year"}]).collection_id
    emulator.reset_log()
    for name, fields in [
        ("a.md", {"year": "1851"}),
        ("b.md", {"author": "M"}),
        ("c.md", {"author": "M"}),
        ("d.md", None),
    ]:
        (tmp_path / name).write_text(name)
        hook.upload_document(collection_id=collection_id, path=tmp_path / name, fields=fields)
    file_id = add_file(hook, tmp_path, "e.md")
    hook.add_document(collection_id=collection_id, file_id=file_id, fields={"author": "M", "year": "1852"})
    assert emulator.count("update_collection") == 1
    assert emulator.count("get_collection") == 2
    defined = hook.get_collection(collection_id=collection_id).field_definitions
    assert [(each.key, each.required, each.unique) for each in defined] == [
        ("year", False, False),
        ("author", False, False),
    ]


@pytest.mark.parametrize("fields", [{"year": 2024.0}, {None: "x"}])
def test_fields_that_are_no_text_are_refused_before_anything_is_declared(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path, fields: Any
) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    file_id = add_file(hook, tmp_path, "a.md")
    emulator.reset_log()
    with pytest.raises(XAIArgumentError, match=r"fields.* is (2024\.0|None); it must be text"):
        hook.add_document(collection_id=collection_id, file_id=file_id, fields=fields)
    assert emulator.counts == {}


@pytest.mark.parametrize("method", ["upload_document", "add_document"])
def test_fields_that_may_not_be_declared_are_named_and_nothing_is_sent(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path, method: str
) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    file_id = add_file(hook, tmp_path, "a.md")
    emulator.reset_log()
    what = {"path": tmp_path / "a.md"} if method == "upload_document" else {"file_id": file_id}
    with pytest.raises(XAIArgumentError, match="does not define the field author"):
        getattr(hook, method)(collection_id=collection_id, **what, fields={"author": "M"}, declare_fields=False)
    assert emulator.counts == {"get_collection": 1}


def test_a_name_that_xai_refuses_is_refused_before_anything_is_sent(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path
) -> None:
    (tmp_path / 'a "b".txt').write_text("call me Ishmael")
    with pytest.raises(XAIArgumentError, match="contains '\"', which xAI refuses: rename it"):
        hook.upload_file(path=tmp_path / 'a "b".txt')
    assert not emulator.requests


def test_list_files(hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path, ask: Ask) -> None:
    for name, size in [("b.txt", 3), ("a.txt", 9), ("c.txt", 6), ("d.md", 1)]:
        add_file(hook, tmp_path, name, "x" * size)
    wanted = {
        "limit": 2,
        "order": "asc",
        "sort_by": "FILES_SORT_BY_SIZE",
        "filter": 'content_type = "text/plain" AND size_bytes > 1',
    }
    first = hook.run(call(endpoints.LIST_FILES.request(**wanted)))
    assert [file.filename for file in first.items] == ["b.txt", "c.txt"]
    params = every(endpoints.LIST_FILES, pagination_token=first.pagination_token, **wanted)
    assert [file.filename for file in ask(hook, endpoints.LIST_FILES, **params)] == ["a.txt"]


def test_delete_file(hook: XAICollectionsHook, tmp_path: Path) -> None:
    file_id = add_file(hook, tmp_path, "moby.txt")
    assert hook.delete_file(file_id=file_id)
    assert not hook.delete_file(file_id=file_id)
    with pytest.raises(XAINotFoundError, match=f"get_file\\({file_id}\\): does not exist"):
        hook.get_file(file_id=file_id)


def test_search_documents(hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path) -> None:
    whales = hook.create_collection(collection_name="Whales").collection_id
    sharks = hook.create_collection(collection_name="Sharks").collection_id
    moby = add_document(hook, tmp_path, whales, "moby.txt", "a white whale", author="Melville", shelf="1")
    orca = add_document(hook, tmp_path, whales, "orca.txt", "a black whale", author="Melville", shelf="2")
    jaws = add_document(hook, tmp_path, sharks, "jaws.txt", "a shark, not a whale", author="Benchley", shelf="3")

    def found(**params: object) -> set[str]:
        matches = hook.search_documents(**{"query": "whale", "collection_ids": [whales, sharks], **params})  # type: ignore[arg-type]
        return {match.file_id for match in matches}

    assert found() == {moby, orca, jaws}
    assert found(collection_ids=[sharks]) == {jaws}
    assert found(query="shark") == {jaws}
    assert found(filter='(author = "Melville" AND shelf = "2")') == {orca}
    assert len(found(limit=2)) == 2
    assert len(found(group_by={"keys": ["author"]})) == 2
    found(instructions="Prefer the newest", retrieval_mode={"type": "keyword", "reranker": "strict"})
    sent = emulator.last_json
    assert sent["instructions"] == "Prefer the newest"
    assert sent["retrieval_mode"] == {"type": "keyword", "reranker": "strict"}


def test_a_match_shows_the_passage_and_where_it_is(hook: XAICollectionsHook, tmp_path: Path) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt", "a white whale", author="Melville")
    (match,) = hook.search_documents(query="white", collection_ids=[collection_id])
    assert (match.file_id, match.collection_ids) == (file_id, (collection_id,))
    assert (match.fields["author"], match.fields["title"]) == ("Melville", "moby.txt")
    assert "a white whale" in match.text
    assert match.score > 0


@pytest.mark.parametrize("emulator_settings", [playing(team_id="team-of-the-key")])
def test_validate_management_key(hook: XAICollectionsHook) -> None:
    key = hook.validate_management_key()
    assert (key.team_id, key.name) == ("team-of-the-key", "emulator")
    assert "AddFileToCollection" in str(key.acls)


def test_the_type_follows_the_name_that_xai_stores(hook: XAICollectionsHook, tmp_path: Path) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    (tmp_path / "moby.png").write_text("# call me Ishmael")
    uploaded = hook.upload_document(collection_id=collection_id, path=tmp_path / "moby.png", name="moby.md")
    assert uploaded.file_metadata is not None
    assert uploaded.file_metadata.content_type == "text/markdown"


def test_fields_are_declared_for_the_team_that_attaches(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path
) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    file_id = add_file(hook, tmp_path, "a.md")
    sent = len(emulator.requests)
    hook.add_document(collection_id=collection_id, file_id=file_id, team_id="team-7", fields={"author": "M"})
    looked, declared, attached = emulator.requests[sent:]
    assert dict(looked.query)["team_id"] == "team-7"
    assert emulator.json_of(declared)["team_id"] == "team-7"
    assert emulator.json_of(attached)["team_id"] == "team-7"
