"""Uploads of the hook, and the fields that it declares before it attaches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator

from .conftest import add_file


def test_upload_file(hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path) -> None:
    path = tmp_path / "moby.txt"
    path.write_text("call me Ishmael")
    file = hook.upload_file(path=path, filename="Moby Dick.txt", expires_after=3600, purpose="books")
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


@pytest.mark.parametrize(
    ("path", "content", "given", "sent_as"),
    [
        ("moby", "Call me", {}, "text/plain"),
        ("moby.txt", "%PDF-1.7", {}, "application/pdf"),
        ("moby.png", "# Call me", {"name": "moby.md"}, "text/markdown"),
        ("moby", "# Call me", {"name": "moby.md", "content_type": "text/x-markdown"}, "text/x-markdown"),
    ],
)
def test_upload_document(
    hook: XAICollectionsHook, whales: str, tmp_path: Path, path: str, content: str, given: dict[str, Any], sent_as: str
) -> None:
    (tmp_path / path).write_text(content)
    fields = {"author": "Melville"}
    uploaded = hook.upload_document(collection_id=whales, path=tmp_path / path, fields=fields, **given)
    assert uploaded.file_metadata is not None
    document = hook.get_document(collection_id=whales, file_id=uploaded.file_metadata.file_id)
    assert (document.name, document.file_metadata.content_type) == (given.get("name", path), sent_as)
    assert document.fields == fields


def test_what_xai_would_not_index_is_not_sent_unless_its_type_is_given(
    hook: XAICollectionsHook, emulator: RecordingEmulator, whales: str, tmp_path: Path
) -> None:
    emulator.reset_log()
    (tmp_path / "moby.png").write_bytes(b"\x89PNG")
    with pytest.raises(XAIUnfitDocumentError, match=r"moby.png is image/png by its name \(.png\)"):
        hook.upload_document(collection_id=whales, path=tmp_path / "moby.png")
    assert emulator.counts == {}
    hook.upload_document(collection_id=whales, path=tmp_path / "moby.png", content_type="text/plain")
    assert emulator.counts == {"upload_document": 1}


def test_fields_are_declared_before_they_are_used_and_what_is_defined_is_asked_once(
    hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path
) -> None:
    collection_id = hook.create_collection(collection_name="Whales", field_definitions=[{"key": "year"}]).collection_id
    emulator.reset_log()
    uploads = {"a.md": {"year": "1851"}, "b.md": {"author": "M"}, "c.md": {"author": "M"}, "d.md": None}
    for name, fields in uploads.items():
        (tmp_path / name).write_text(name)
        hook.upload_document(collection_id=collection_id, path=tmp_path / name, fields=fields)
    file_id = add_file(hook, tmp_path, "e.md")
    hook.add_document(collection_id=collection_id, file_id=file_id, fields={"author": "M", "year": "1852"})
    assert emulator.count("update_collection") == 1
    assert emulator.count("get_collection") == 2


def test_fields_are_declared_for_the_team_that_attaches(
    hook: XAICollectionsHook, emulator: RecordingEmulator, whales: str, tmp_path: Path
) -> None:
    file_id = add_file(hook, tmp_path, "a.md")
    emulator.requests.clear()
    hook.add_document(collection_id=whales, file_id=file_id, team_id="team-7", fields={"author": "M"})
    looked, declared, attached = emulator.requests
    assert dict(looked.query)["team_id"] == "team-7"
    assert emulator.json_of(declared)["team_id"] == "team-7"
    assert emulator.json_of(attached)["team_id"] == "team-7"


@pytest.mark.parametrize("fields", [{"year": 2024.0}, {None: "x"}])
def test_fields_that_are_no_text_are_refused_before_anything_is_declared(
    hook: XAICollectionsHook, emulator: RecordingEmulator, fields: Any
) -> None:
    with pytest.raises(XAIArgumentError, match=r"fields.* is (2024\.0|None); it must be text"):
        hook.add_document(collection_id="collection_1", file_id="file_1", fields=fields)
    assert not emulator.requests


@pytest.mark.parametrize("method", ["upload_document", "add_document"])
def test_fields_that_may_not_be_declared_are_named_and_nothing_is_sent(
    hook: XAICollectionsHook, emulator: RecordingEmulator, whales: str, tmp_path: Path, method: str
) -> None:
    file_id = add_file(hook, tmp_path, "a.md")
    emulator.reset_log()
    what = {"path": tmp_path / "a.md"} if method == "upload_document" else {"file_id": file_id}
    with pytest.raises(XAIArgumentError, match="does not define the field author"):
        getattr(hook, method)(collection_id=whales, **what, fields={"author": "M"}, declare_fields=False)
    assert emulator.counts == {"get_collection": 1}
