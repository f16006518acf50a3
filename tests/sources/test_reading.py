"""Reading documents: checked and hashed before anything is sent, and opened to be sent."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from upath import UPath

from airflow_provider_xai_collections.api.content_types import HEAD
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES, MEGABYTE
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.reading import FoundFile, head_of, read_file, upload_of
from tests.object_storage import StorageDownError

from .conftest import TEXT


def make(path: Path, *, size: int | None = None, content: bytes = TEXT) -> Path:
    """A file; with ``size``, one of so many zeros that takes no room on the disk."""
    path.write_bytes(b"" if size is not None else content)
    if size is not None:
        os.truncate(path, size)
    return path


def read(path: Any, name: str = "a.md", *, limit: int = MAX_UPLOAD_BYTES, keep: int = 0) -> SourceDocument:
    return read_file(FoundFile(path, name), limit=limit, keep=keep)


@pytest.mark.parametrize("folder", ["local", "remote"])
def test_a_document_knows_what_it_is(tmp_path: Path, folder: str) -> None:
    path = tmp_path / "moby.md" if folder == "local" else UPath("memory://bucket/moby.md")
    path.write_bytes(TEXT)
    source = read(path, "moby.md")
    assert (source.name, source.size, source.content_type) == ("moby.md", 15, "text/markdown")
    assert source.content_hash == blake3(TEXT).hexdigest()
    assert source.upload().filename == "moby.md"
    with source.open() as stream:
        assert stream.read() == TEXT


def test_each_opening_starts_from_the_beginning_so_that_a_retry_sends_all(tmp_path: Path) -> None:
    upload = upload_of(make(tmp_path / "moby.md"))
    for _ in range(2):
        with upload.open() as stream:
            assert stream.read() == TEXT


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    path = make(tmp_path / "large.pdf", size=40 * MEGABYTE)
    tracemalloc.start()
    source = read(path, "large.pdf")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * MEGABYTE
    assert source.content_hash == blake3(bytes(40 * MEGABYTE)).hexdigest()


# Errors say by its name what is wrong with a file.


def sized(size: int) -> Callable[[Path], Path]:
    return lambda path: make(path, size=size)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.touch, "is empty, and xAI cannot index an empty document"),
        (Path.mkdir, "is not a file"),
        (os.mkfifo, "is not a file"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read (No such file or directory)"),
        (lambda path: path.symlink_to(path), "cannot be read (Too many levels of symbolic links)"),
        (
            sized(MAX_UPLOAD_BYTES + 1),
            "has 50.1 MB, above the 50 MB that this call takes; upload_method='auto' takes up to 100 MB",
        ),
        (sized(MAX_DOCUMENT_BYTES + 1), "has 100.1 MB, above the 50 MB that this call takes"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    kind = XAISourceError if said.startswith("cannot be read") else XAIUnfitDocumentError
    spoil(tmp_path / "bad.md")
    for take in (lambda path: read(path, "bad.md"), upload_of):
        with pytest.raises(XAISourceError) as caught:
            take(tmp_path / "bad.md")
        assert (type(caught.value), str(caught.value)) == (kind, f"bad.md {said}")


def test_the_limit_itself_is_allowed_which_is_twice_as_much_for_the_direct_method(tmp_path: Path) -> None:
    assert upload_of(make(tmp_path / "a.pdf", size=MAX_UPLOAD_BYTES)).size == MAX_UPLOAD_BYTES
    path = make(tmp_path / "a.pdf", size=MAX_DOCUMENT_BYTES)
    assert read(path, "a.pdf", limit=MAX_DOCUMENT_BYTES).size == MAX_DOCUMENT_BYTES
    make(path, size=MAX_DOCUMENT_BYTES + 1)
    with pytest.raises(XAISourceError, match=r"a.pdf has 100.1 MB, above the 100 MB that this call takes$"):
        read(path, "a.pdf", limit=MAX_DOCUMENT_BYTES)


class Stub:
    """A path in a storage, and the storage, with this content, or an error that opening it meets."""

    protocol, path = "test", "a.md"

    def __init__(self, size: int | None, content: bytes | Exception) -> None:
        self.fs = self
        self._size, self._content = size, content

    def invalidate_cache(self, path: str) -> None:
        pass

    def info(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": self._size, "type": "file"}

    def open(self, mode: str) -> BytesIO:
        if isinstance(self._content, Exception):
            raise self._content
        return BytesIO(self._content)


@pytest.mark.parametrize(
    ("size", "content", "said"),
    [
        (5, b"123456", "a.md changed while it was read (5 bytes, then 6 or more)"),
        (5, b"1234", "a.md changed while it was read (5 bytes, then 4 in all)"),
        (None, b"", "a.md cannot be sent: its storage does not tell its size. Copy it to one that does"),
        (5, PermissionError(errno.EACCES, "Permission denied"), "a.md cannot be read (Permission denied)"),
        (5, StorageDownError(), "a.md cannot be read (StorageDownError)"),
    ],
)
def test_what_goes_wrong_in_a_storage_is_an_error_that_a_retry_may_not_meet(
    size: int | None, content: bytes | Exception, said: str
) -> None:
    with pytest.raises(XAISourceError) as caught:
        read(Stub(size, content), limit=10)
    assert (type(caught.value), str(caught.value)) == (XAISourceError, said)


def test_a_file_that_is_written_again_while_it_is_read_is_named(tmp_path: Path) -> None:
    class Rewritten(type(tmp_path)):  # type: ignore[misc]
        def open(self, *args: Any, **kwargs: Any) -> Any:
            stream = super().open(*args, **kwargs)
            os.utime(self, (1, 1))
            return stream

    with pytest.raises(XAISourceError, match=r"a.md changed since reading it began: run it again"):
        read(Rewritten(make(tmp_path / "a.md")))


def test_reading_can_be_ended_between_blocks(tmp_path: Path) -> None:
    class CancelledError(Exception):
        pass

    seen: list[None] = []

    def check() -> None:
        seen.append(None)
        if len(seen) == 3:
            raise CancelledError

    file = FoundFile(make(tmp_path / "a.md", size=10 * MEGABYTE), "a.md")
    with pytest.raises(CancelledError):
        read_file(file, limit=MAX_UPLOAD_BYTES, check=check)
    assert len(seen) == 3


@pytest.mark.parametrize("keep", [0, 10 * MEGABYTE])
def test_the_type_follows_from_the_beginning_of_a_large_file_not_from_its_end(tmp_path: Path, keep: int) -> None:
    path = make(tmp_path / "notes.txt", content=b"%PDF-1.7" + b" " * 2 * MEGABYTE)
    assert read(path, path.name, keep=keep).upload().content_type == "application/pdf"


def test_of_an_object_only_the_first_bytes_are_fetched_to_know_its_type() -> None:
    path = UPath("memory://heads/notes.txt")
    path.write_bytes(b"%PDF-1.7".ljust(HEAD + 1))
    assert head_of(path) == b"%PDF-1.7".ljust(HEAD)
