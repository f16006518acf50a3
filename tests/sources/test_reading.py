"""Checking and hashing documents before anything is sent, and opening them to be sent."""

from __future__ import annotations

import errno
import os
import threading
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from blake3 import blake3
from upath import UPath

from airflow_provider_xai_collections.api.content_types import HEAD
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES, MEGABYTE
from airflow_provider_xai_collections.exceptions import XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.finding import FoundFile, find_files
from airflow_provider_xai_collections.sources.reading import head_of, read_file, read_sources, upload_of


def make(path: Path, *, size: int | None = None, content: bytes = b"call me Ishmael") -> Path:
    """A file; with ``size``, one of so many zeros that takes no room on the disk."""
    path.write_bytes(b"" if size is not None else content)
    if size is not None:
        os.truncate(path, size)
    return path


def read(paths: Any, limit: int = MAX_UPLOAD_BYTES) -> Any:
    return read_sources(find_files(paths), limit=limit, concurrency=4)


@pytest.mark.parametrize("of", [Path, lambda path: ObjectStoragePath(f"file://{path}")])
def test_a_source_knows_what_it_is(tmp_path: Path, of: Callable[[Path], Any]) -> None:
    make(tmp_path / "moby.md")
    (source,) = read(of(tmp_path))
    assert (source.name, source.uri, source.size) == ("moby.md", (tmp_path / "moby.md").as_uri(), 15)
    assert source.content_hash == blake3(b"call me Ishmael").hexdigest()
    assert source.content_type == "text/markdown"
    assert source.upload().filename == "moby.md"


def test_an_object_is_read_like_a_file() -> None:
    path = UPath("memory://bucket/moby.md")
    path.write_bytes(b"call me Ishmael")
    (source,) = read(path)
    assert (source.size, source.content_hash) == (15, blake3(b"call me Ishmael").hexdigest())
    with source.open() as stream:
        assert stream.read() == b"call me Ishmael"


def test_a_name_that_says_nothing_has_no_content_type(tmp_path: Path) -> None:
    assert read(make(tmp_path / "moby"))[0].content_type is None


def test_each_opening_starts_anew_so_that_a_retry_sends_all(tmp_path: Path) -> None:
    upload = upload_of(make(tmp_path / "moby.md"))
    for _ in range(2):
        with upload.open() as stream:
            assert stream.read() == b"call me Ishmael"


def test_sources_keep_the_order_of_their_files(tmp_path: Path) -> None:
    for number in range(20):
        make(tmp_path / f"{number:02}.md", content=bytes([number + 1]) * (20 - number))
    assert [source.name for source in read(tmp_path)] == [f"{number:02}.md" for number in range(20)]


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    make(tmp_path / "large.pdf", size=40 * MEGABYTE)
    tracemalloc.start()
    (source,) = read(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * MEGABYTE
    assert source.content_hash == blake3(bytes(40 * MEGABYTE)).hexdigest()


class Stub:
    """A path in a storage, and the storage, that does what the test wants when it is opened."""

    protocol, path = "test", "a.md"

    def __init__(self, size: int | None, opening: Callable[[], BytesIO]) -> None:
        self.fs = self
        self._size, self._opening = size, opening

    def invalidate_cache(self, path: str) -> None:
        pass

    def info(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": self._size, "type": "file"}

    def open(self, mode: str) -> BytesIO:
        return self._opening()


def test_so_many_files_are_read_at_a_time_and_no_more() -> None:
    three_at_once = threading.Barrier(3, timeout=10)
    tally = threading.Lock()
    here, most = 0, 0

    def meet() -> BytesIO:
        nonlocal here, most
        with tally:
            here += 1
            most = max(most, here)
        three_at_once.wait()
        with tally:
            here -= 1
        return BytesIO(b"x")

    read_sources([FoundFile(Stub(1, meet), f"{number}.md") for number in range(9)], limit=10, concurrency=3)
    assert 1 < most <= 3


# What is wrong with a file is said by its name; in a list of files, of all that are wrong at once.


def empty(folder: Path) -> Path:
    return make(folder / "bad.md", content=b"")


def broken_link(folder: Path) -> Path:
    (folder / "bad.md").symlink_to(folder / "nowhere")
    return folder / "bad.md"


def link_to_itself(folder: Path) -> Path:
    (folder / "bad.md").symlink_to(folder / "bad.md")
    return folder / "bad.md"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "bad.md")
    return folder / "bad.md"


def too_large_for_files(folder: Path) -> Path:
    return make(folder / "bad.md", size=MAX_UPLOAD_BYTES + 1)


def too_large_for_xai(folder: Path) -> Path:
    return make(folder / "bad.md", size=MAX_DOCUMENT_BYTES + 1)


BAD = [
    (empty, "bad.md is empty, and xAI cannot index an empty document"),
    (broken_link, "bad.md cannot be read (No such file or directory)"),
    (link_to_itself, "bad.md cannot be read (Too many levels of symbolic links)"),
    (pipe, "bad.md is not a file"),
    (
        too_large_for_files,
        "bad.md has 50.1 MB, above the 50 MB that this call takes; upload_method='auto' takes up to 100 MB",
    ),
    (too_large_for_xai, "bad.md has 100.1 MB, above the 50 MB that this call takes"),
]


@pytest.mark.parametrize(("spoil", "said"), BAD)
def test_a_bad_file_in_a_folder_is_refused_before_anything_is_sent(
    tmp_path: Path, spoil: Callable[[Path], Path], said: str
) -> None:
    make(tmp_path / "good.md")
    spoil(tmp_path)
    with pytest.raises(XAISourceError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"1 of 2 files cannot be ingested: {said}. Nothing was sent. Mend them, or leave them out with exclude=[...]"
    )


@pytest.mark.parametrize(("spoil", "said"), BAD)
def test_a_glob_does_not_pass_over_a_bad_file(tmp_path: Path, spoil: Callable[[Path], Path], said: str) -> None:
    spoil(tmp_path)
    with pytest.raises(XAISourceError) as caught:
        read(f"{tmp_path}/*.md")
    assert said in str(caught.value)


@pytest.mark.parametrize(("spoil", "said"), BAD)
def test_a_bad_single_file_is_refused(tmp_path: Path, spoil: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(XAISourceError) as caught:
        upload_of(spoil(tmp_path))
    assert str(caught.value) == said


def test_a_folder_is_no_file_to_upload(tmp_path: Path) -> None:
    with pytest.raises(XAISourceError, match="is not a file"):
        upload_of(tmp_path)


def test_the_direct_method_takes_twice_as_much_and_then_there_is_no_way_out(tmp_path: Path) -> None:
    assert read(make(tmp_path / "a.pdf", size=MAX_DOCUMENT_BYTES), MAX_DOCUMENT_BYTES)[0].size == MAX_DOCUMENT_BYTES
    with pytest.raises(XAISourceError, match=r"bad.md has 100.1 MB, above the 100 MB that this call takes\."):
        read(too_large_for_xai(tmp_path), MAX_DOCUMENT_BYTES)


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    assert upload_of(make(tmp_path / "a.txt", size=MAX_UPLOAD_BYTES)).size == MAX_UPLOAD_BYTES


def test_a_file_that_vanishes_after_it_was_listed_is_named(tmp_path: Path) -> None:
    make(tmp_path / "a.md")
    files = find_files(tmp_path)
    (tmp_path / "a.md").unlink()
    with pytest.raises(XAISourceError, match=r"1 of 1 files .*: a.md cannot be read \(No such file or directory\)"):
        read_sources(files, limit=MAX_UPLOAD_BYTES, concurrency=1)


def test_a_file_that_grows_while_it_is_read_is_named() -> None:
    growing = FoundFile(Stub(5, lambda: BytesIO(b"123456")), "a.md")
    with pytest.raises(XAISourceError, match=r"a.md changed while it was read \(5 bytes, then 6 or more\)"):
        read_sources([growing], limit=10, concurrency=1)


@pytest.mark.parametrize("change", ["other", "another size"])
def test_a_file_that_changed_since_it_was_hashed_is_not_sent_under_its_old_hash(tmp_path: Path, change: str) -> None:
    (tmp_path / "a.md").write_text("first")
    (source,) = read_sources(find_files(tmp_path), limit=100, concurrency=1)
    (tmp_path / "a.md").write_text(change)
    os.utime(tmp_path / "a.md", (1, 1))
    with pytest.raises(XAISourceError, match=r"^a.md changed since it was hashed: run the task again$"):
        source.open()


def test_unfit_files_are_told_apart_from_those_that_may_be_read_later(tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    with pytest.raises(XAIUnfitDocumentError):
        read_sources(find_files(tmp_path), limit=100, concurrency=1)
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")
    with pytest.raises(XAISourceError) as caught:
        read_sources(find_files(tmp_path), limit=100, concurrency=1)
    assert type(caught.value) is XAISourceError


def test_a_file_that_shrinks_while_it_is_read_is_named() -> None:
    shrinking = FoundFile(Stub(5, lambda: BytesIO(b"1234")), "a.md")
    with pytest.raises(XAISourceError, match=r"a.md changed while it was read \(5 bytes, then 4 in all\)"):
        read_sources([shrinking], limit=10, concurrency=1)


def test_a_file_that_is_written_anew_while_it_is_read_is_named(tmp_path: Path) -> None:
    class Rewritten(type(tmp_path)):  # type: ignore[misc]
        def open(self, *args: Any, **kwargs: Any) -> Any:
            stream = super().open(*args, **kwargs)
            os.utime(self, (1, 1))
            return stream

    make(tmp_path / "a.md")
    with pytest.raises(XAISourceError, match=r"a.md changed since reading it began: run the task again"):
        read_sources([FoundFile(Rewritten(tmp_path / "a.md"), "a.md")], limit=100, concurrency=1)


def test_a_storage_that_tells_no_size_is_named() -> None:
    with pytest.raises(XAISourceError, match=r"a.md cannot be sent: its storage does not tell its size"):
        read_sources([FoundFile(Stub(None, BytesIO), "a.md")], limit=10, concurrency=1)


class StorageDownError(Exception):
    """The libraries of storages have errors that are no ``OSError``."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (StorageDownError(), "StorageDownError"),
    ],
)
def test_a_file_that_may_not_be_opened_is_named(error: Exception, said: str) -> None:
    def refuse() -> BytesIO:
        raise error

    with pytest.raises(XAISourceError, match=rf"1 of 1 files .*: a.md cannot be read \({said}\)"):
        read_sources([FoundFile(Stub(5, refuse), "a.md")], limit=10, concurrency=1)


@pytest.mark.parametrize("name", ['a "b".md', "a;b.md", "a\\b.md", "a\nb.md", "a\u2028b.md", os.fsdecode(b"a\xff.md")])
def test_a_name_that_xai_refuses_is_shown(tmp_path: Path, name: str) -> None:
    make(tmp_path / name)
    with pytest.raises(XAISourceError, match="which xAI refuses: rename it") as caught:
        read(tmp_path)
    assert repr(name) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_name_that_is_too_long_with_its_folders_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 200)
    folder.mkdir()
    make(folder / ("y" * 60))
    with pytest.raises(
        XAISourceError, match="its path below the source has 261 characters, and a name at xAI up to 255: rename it"
    ):
        read(tmp_path)


def test_all_bad_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    for number in range(8):
        make(tmp_path / f"{number}.md", content=b"")
    with pytest.raises(
        XAISourceError, match=r"^8 of 8 files cannot be ingested: 0.md is empty.*; and 3 more\."
    ) as caught:
        read(tmp_path)
    assert "5.md" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 10 * MEGABYTE])
def test_the_type_follows_from_the_beginning_of_a_large_file_not_from_its_end(tmp_path: Path, keep: int) -> None:
    path = make(tmp_path / "notes.txt", content=b"%PDF-1.7" + b" " * 2 * MEGABYTE)
    document = read_file(FoundFile(path, path.name), limit=MAX_UPLOAD_BYTES, keep=keep)
    assert document.upload().content_type == "application/pdf"


def test_of_an_object_only_the_first_bytes_are_fetched_to_know_its_type() -> None:
    path = UPath("memory://heads/notes.txt")
    path.write_bytes(b"%PDF-1.7".ljust(HEAD + 1))
    assert head_of(path) == b"%PDF-1.7".ljust(HEAD)
