"""Listing a source for a sync: complete or an error, one listing, nothing read; and reading what was listed later."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from blake3 import blake3
from upath import UPath

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.fingerprints import of_info
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sources.scanning import MAX_KEPT, document_of, owns, prepare, read_item, root_uri
from tests.object_storage import (
    CachingStorage,
    FakeS3,
    FakeStorage,
    HasteStorage,
    StorageDownError,
    attached,
    registered,
)

from .conftest import TEXT, Place, listed, names, write


def test_all_below_a_folder_is_listed_by_name_without_what_is_hidden(place: Place) -> None:
    place.write("b.txt", "a/b/c.md", "a/b.md", "no-extension", ".hidden", ".git/config", "a/.hidden/c.md")
    assert names(place.source) == ["a/b.md", "a/b/c.md", "b.txt", "no-extension"]


def test_pattern_and_exclude_pick_by_the_path_below_the_source(place: Place) -> None:
    place.write("a.md", "b.txt", "c/d.md", "c/e.MD")
    assert names(place.source, pattern="*.md") == ["a.md", "c/d.md"]
    assert names(place.source, exclude="c/*") == ["a.md", "b.txt"]
    assert names(place.source, exclude=["*.txt", "a*"], pattern="*.*") == ["c/d.md", "c/e.MD"]
    assert names(f"{place.source}/c/d.md", pattern="*.txt") == ["d.md"]
    assert names(f"{place.source}/c/d.md", exclude="d.*") == []


def test_a_glob_lists_below_its_fixed_part(place: Place) -> None:
    place.write("books/a.md", "books/b/c.md", "books/b/d.txt", "books/.e.md", "books/x.md/f.md", "other/g.md")
    for glob, found in [
        ("books/*.md", ["a.md", "x.md/f.md"]),
        ("books/[a].md", ["a.md"]),
        ("books/?.md", ["a.md", "x.md/f.md"]),
        ("books/**/*.md", ["a.md", "b/c.md", "x.md/f.md"]),
        ("books/**", ["a.md", "b/c.md", "b/d.txt", "x.md/f.md"]),
        ("b*/b/?.[mt]*", ["books/b/c.md", "books/b/d.txt"]),
        ("*/[!a].md", ["books/x.md/f.md", "other/g.md"]),
        ("books/*.pdf", []),
    ]:
        assert names(f"{place.source}/{glob}") == found, glob
        assert names(f"{place.source}/{glob}", exclude="*") == []
    assert names(f"{place.source}/books/**", pattern="*.md") == ["a.md", "b/c.md", "x.md/f.md"]
    assert names(f"{place.source}/books/**/*.md", pattern="b/*", exclude="*/d*") == ["b/c.md"]


def test_an_item_leads_to_its_document_again(place: Place) -> None:
    place.write("a b/c#d?e%20f.md")
    (item,) = listed(place.source)
    document = read_item(item)
    assert (document.uri, document.name, document.size) == (item.uri, "a b/c#d?e%20f.md", len(TEXT))
    assert document.content_hash == blake3(TEXT).hexdigest()
    assert document.content_type == "text/markdown"
    assert document.fingerprint == item.fingerprint
    with document.open() as stream:
        assert stream.read() == TEXT
    assert owns(place.source)(item.uri)


def test_what_an_item_of_an_object_says(s3: FakeS3) -> None:
    s3.put("bucket/books/a.md", TEXT)
    (item,) = listed("s3://aws@bucket/books/")
    assert item == SourceItem(
        uri="s3://bucket/books/a.md",
        name="a.md",
        size=15,
        fingerprint=f"15-etag:{hashlib.md5(TEXT).hexdigest()}",
        path="s3://aws@bucket/books/a.md",
    )


def test_what_an_item_of_a_file_says(tmp_path: Path) -> None:
    write(tmp_path, "ä b.md")
    os.utime(tmp_path / "ä b.md", ns=(1, 1_700_000_000_123_456_789))
    (item,) = listed(tmp_path)
    path = str(tmp_path / "ä b.md")
    assert item == SourceItem(Path(path).as_uri(), "ä b.md", 15, "15-mtime:1700000000123456789", path)


def test_the_connection_is_part_of_the_path_and_not_of_the_identity(s3: FakeS3) -> None:
    s3.put("bucket/a.md", TEXT)
    with attached(s3, None):
        (without,) = listed("s3://bucket")
    (with_one,) = listed(ObjectStoragePath("s3://bucket", conn_id="aws"))
    assert (without.path, with_one.path) == ("s3://bucket/a.md", "s3://aws@bucket/a.md")
    assert without.uri == with_one.uri


@pytest.mark.parametrize("conn_id", ["aws-1.x", "team/aws", "a#b!(c)"])
def test_a_connection_may_have_any_id(conn_id: str) -> None:
    with attached(FakeS3(), conn_id) as fs:
        fs.put("bucket/a.md", TEXT)
        (item,) = listed(ObjectStoragePath("s3://bucket", conn_id=conn_id))
        assert read_item(item).size == 15


def test_one_request_lists_a_bucket_however_many_folders_it_has(s3: FakeS3) -> None:
    for number in range(30):
        s3.put(f"bucket/{number}/{number}/a.md", TEXT)
    s3.asked.clear()
    assert len(listed("s3://aws@bucket")) == 30
    assert s3.asked == {"find": 1}
    assert len(listed("s3://aws@bucket/**/*.md")) == 30


def test_a_flat_glob_does_not_list_what_it_cannot_match(s3: FakeS3) -> None:
    for number in range(30):
        s3.put(f"bucket/dt={number}/x/a.md", TEXT)
    s3.put("bucket/dt=3/b.md", TEXT)
    assert names("s3://aws@bucket/dt=3/*.md") == ["b.md"]
    assert names("s3://aws@bucket/dt=?/*.md") == ["dt=3/b.md"]
    assert s3.asked["find"] == 0
    assert s3.asked["ls"] <= 1 + 1 + 10


def test_a_folder_that_a_flat_glob_matches_is_listed_at_once_with_all_below_it(s3: FakeS3) -> None:
    for number in range(30):
        s3.put(f"bucket/dt=1/{number}/{number}/a.md", TEXT)
    s3.put("bucket/dt=22/b.md", TEXT)
    s3.asked.clear()
    assert len(listed("s3://aws@bucket/dt=?", exclude="7/")) == 29
    assert (s3.asked["find"], s3.asked["ls"]) == (1, 1)


def test_objects_that_stand_for_folders_are_no_documents(s3: FakeS3) -> None:
    s3.put("bucket/books/", b"")
    s3.put("bucket/books/a/", b"")
    s3.put("bucket/books/a/b.md", TEXT)
    assert names("s3://aws@bucket/books") == ["a/b.md"]


def test_a_storage_may_answer_with_a_list_where_the_source_is_an_object(s3: FakeS3) -> None:
    """Azure's does."""
    s3.put("bucket/a.md", TEXT)
    s3.find = lambda path, **kwargs: [path]  # type: ignore[method-assign]
    assert [(item.name, item.size) for item in listed("s3://aws@bucket/a.md")] == [("a.md", 15)]


def test_an_answer_that_is_not_below_the_source_is_refused_because_names_would_be_wrong(s3: FakeS3) -> None:
    s3.find = lambda path, **kwargs: {"elsewhere/a.md": {"name": "elsewhere/a.md", "size": 1}}  # type: ignore[method-assign]
    with pytest.raises(XAISourceError, match=r"its storage answered with elsewhere/a.md, which is not in it"):
        listed("s3://aws@bucket/books")


@pytest.mark.parametrize("named", ["/books", "books"])
def test_a_storage_may_begin_names_with_a_slash_or_not(sftp: FakeStorage, named: str) -> None:
    sftp.pipe_file("/books/b/a.md", TEXT)
    sftp.told_of = lambda info: {**info, "name": info["name"].replace("/books", named)}  # type: ignore[method-assign]
    (item,) = listed("sftp://host@/books/b")
    assert (item.name, item.uri) == ("a.md", "sftp:///books/b/a.md")
    assert read_item(item).size == 15


def test_a_folder_wins_over_an_object_of_the_same_name(s3: FakeS3) -> None:
    s3.put("bucket/books", TEXT)
    s3.put("bucket/books/a.md", TEXT)
    assert names("s3://aws@bucket/books") == ["a.md"]


def test_names_that_a_url_or_a_path_would_change_are_names_of_their_own(s3: FakeS3) -> None:
    keys = ["a", "/a", "//a", "b//a", "b/a", " a.md", "a%2Fb.md", "b@c.md", "ä.md", "a .md"]
    for key in keys:
        s3.put(f"bucket/docs/{key}", key.encode())
    items = listed("s3://aws@bucket/docs")
    assert {item.name: item.uri for item in items} == {key: f"s3://bucket/docs/{key}" for key in keys}
    for item in items:
        assert read_item(item).content_hash == blake3(item.name.encode()).hexdigest()
    (named,) = listed("s3://aws@bucket/docs/a")
    assert read_item(named).content_hash == blake3(b"a").hexdigest()
    assert all(map(owns("s3://aws@bucket/docs"), (item.uri for item in items)))


def test_names_that_differ_in_case_or_in_unicode_form_only_are_two_documents(place: Place) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café.md") for form in ("NFC", "NFD"))
    place.write(composed, decomposed, "Read.md", "read.md")
    items = listed(place.source)
    assert sorted(item.name for item in items) == sorted([composed, decomposed, "Read.md", "read.md"])
    assert len({item.uri for item in items}) == 4
    assert not any(item.unfit for item in items)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ('a "b".md', 1, "contains '\"', which xAI refuses: rename it"),
        ("a;b.md", 1, "contains ';'"),
        ("a\\b.md", 1, r"contains '\\'"),
        ("a\nb.md", 1, r"contains '\n'"),
        ("a\x7fb.md", 1, r"contains '\x7f'"),
        ("a\u2028b.md", 1, r"contains '\u2028'"),
        (os.fsdecode(b"a\xff.md"), 1, r"contains '\udcff'"),
        ("x" * 200 + "/" + "y" * 60, 1, "its path below the source has 261 characters, and a name at xAI up to 255: r"),
        ("empty.md", 0, "it is empty, and xAI cannot index an empty document"),
        ("large.md", 101, "it has 0.1 MB, above the 0 MB that this call takes; upload_method='auto' takes up"),
        ("cat.PNG", 1, "it is image/png by its name (.png), which xAI does not list as supported"),
        ("song.mp3", 1, "it is audio/mpeg by its name"),
        ("films/one.mkv", 1, "it is video/x-matroska by its name"),
        ("all.tar.gz", 1, "it is application/gzip by its name (.gz)"),
    ],
)
def test_what_xai_would_not_take_is_marked_with_the_reason_and_the_rest_goes_on(
    place: Place, name: str, size: int, said: str
) -> None:
    place.write(name, data=b"x" * size)
    place.write("just.md", data=b"x" * 100)
    bad, good = sorted(listed(place.source, limit_bytes=100), key=lambda item: not item.unfit)
    assert (bad.name, good.name, good.unfit) == (name, "just.md", "")
    assert said in bad.unfit
    assert bad.unfit.isprintable()
    assert bad.fingerprint is not None
    if "rename it" in bad.unfit:
        with pytest.raises(XAIUnfitDocumentError, match="rename it"):
            read_item(bad)


def socket_file(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(path.name)  # from its folder: a socket's path is short


@pytest.mark.parametrize("make", [os.mkfifo, socket_file, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_marked_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "bad.md")
    (item,) = listed(tmp_path, follow_links=True)
    assert item.unfit == "it is not a file"
    for fingerprint in (None, "5-mtime:1"):  # as listed when it was a file
        with pytest.raises(XAIUnfitDocumentError, match=r"bad.md is not a file"):
            read_item(SourceItem(item.uri, item.name, 5, fingerprint, item.path))


@pytest.mark.parametrize(
    "links",
    [{"a/again": "a"}, {"a/up": "."}, {"a/to_b": "b", "b/to_a": "a"}],
    ids=["to itself", "to what is above", "to each other"],
)
def test_a_folder_that_contains_itself_is_refused(tmp_path: Path, links: dict[str, str]) -> None:
    write(tmp_path, "a/1.md", "b/2.md")
    for link, place in links.items():
        (tmp_path / link).symlink_to(tmp_path / place)
    for source in (tmp_path, f"{tmp_path}/**/*.md"):
        with pytest.raises(XAISourceError, match=r"is a link to a folder that contains it.*Remove the link"):
            listed(source, follow_links=True)
    assert names(f"{tmp_path}/a/1*", follow_links=True) == ["1.md"]


@pytest.mark.parametrize("target", ["nowhere", "bad.md"])
def test_a_link_that_leads_nowhere_stays_in_the_list_and_reading_says_why(tmp_path: Path, target: str) -> None:
    write(tmp_path, "good.md")
    (tmp_path / "bad.md").symlink_to(tmp_path / target)
    bad, good = listed(tmp_path)
    assert (bad.name, bad.size, bad.fingerprint, bad.unfit) == ("bad.md", 0, None, "")
    with pytest.raises(XAISourceError, match=r"bad.md cannot be read \((No such file|Too many levels)"):
        read_item(bad)
    assert read_item(good).size == 15


def test_a_file_that_vanishes_before_it_is_looked_at_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.md", "gone.md", "z.md")
    scandir = os.scandir

    def vanishing(folder: str) -> Any:
        entries = list(scandir(folder))
        (tmp_path / "gone.md").unlink()
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert names(tmp_path) == ["a.md", "z.md"]


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "no"), FileNotFoundError(), StorageDownError()])
@pytest.mark.parametrize("glob", ["", "/*", "/**/*.md", "/*/*.md"])
def test_a_folder_that_cannot_be_listed_is_an_error_because_pruning_would_miss_it(
    tmp_path: Path, sftp: FakeStorage, monkeypatch: pytest.MonkeyPatch, error: Exception, glob: str
) -> None:
    """The ``find`` of a storage with folders leaves out what it may not list, without a word."""
    write(tmp_path, "open/a.md", "closed/b.md")
    sftp.pipe({"/books/open/a.md": TEXT, "/books/closed/b.md": TEXT})
    scandir = os.scandir

    def refuse(folder: str) -> Any:
        if folder.endswith("closed"):
            raise error
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    sftp.refuse(error, "ls", "closed")
    for source, uri in ((tmp_path, tmp_path), ("sftp://host@/books", "sftp:///books")):
        with pytest.raises(XAISourceError, match=rf"{uri}/closed cannot be listed \("):
            listed(f"{source}{glob}")


def test_a_source_that_does_not_exist_is_named_with_advice(place: Place) -> None:
    for source in (f"{place.source}/nowhere", f"{place.source}/nowhere/**"):
        with pytest.raises(XAISourceError, match=r"nowhere(/\*\*)? (does not exist. Check the path|cannot be listed)"):
            listed(source)


def test_an_empty_source_is_an_empty_list(tmp_path: Path, sftp: FakeStorage) -> None:
    assert listed(tmp_path) == []
    sftp.mkdir("/empty")
    assert listed("sftp://host@/empty") == []
    write(tmp_path, ".hidden")
    assert listed(tmp_path) == []


def test_a_storage_that_airflow_does_not_know_is_named_with_the_way_out() -> None:
    for source in ("nfs4://server/folder", UPath("memory://bucket/folder"), "github://x/*.md"):
        with pytest.raises(XAIArgumentError, match=r"Airflow cannot open \w+://.* Install the provider"):
            listed(source)


def test_a_glob_over_buckets_is_refused(s3: FakeS3) -> None:
    with pytest.raises(XAIArgumentError, match=r"the glob s3://aws@b\*/x begins in the name of a bucket"):
        listed("s3://aws@b*/x")


def test_too_many_files_are_noticed_while_they_are_listed(place: Place) -> None:
    place.write(*(f"{number}.md" for number in range(6)))
    assert len(listed(place.source, at_most=6)) == 6
    assert len(listed(place.source, at_most=2, pattern="[12].md")) == 2
    with pytest.raises(
        XAIArgumentError, match=r"has more than 5 files \(pattern '\*', exclude \[\]\).* Sync its folders apart"
    ):
        listed(place.source, at_most=5)


def test_too_many_files_in_a_folder_are_not_listed_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md")
    (item,) = os.scandir(tmp_path)

    monkeypatch.setattr(os, "scandir", lambda folder: nullcontext(item for _ in iter(int, 1)))
    with pytest.raises(XAIArgumentError, match="has more than 1,000 files"):
        listed(tmp_path, at_most=1_000)


# What begins a source, and what is in it.


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("/data/books", "file:///data/books"),
        ("/data/books/", "file:///data/books"),
        (Path("/data/books"), "file:///data/books"),
        ("file:///data/books/", "file:///data/books"),
        ("/", "file:///"),
        ("/data/b ö", "file:///data/b%20%C3%B6"),
        ("/data/**/*.md", "file:///data/%2A%2A/%2A.md"),
        ("s3://bucket/books", "s3://bucket/books"),
        ("s3://aws@bucket/books//", "s3://bucket/books"),
        ("s3://bucket", "s3://bucket"),
        ("s3://aws@bucket/**/*.md", "s3://bucket/**/*.md"),
    ],
)
def test_the_root_of_a_source_is_the_same_everywhere(source: Any, uri: str) -> None:
    assert root_uri(source) == uri


def test_the_root_of_a_relative_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert root_uri("books") == (tmp_path / "books").as_uri()


@pytest.mark.parametrize(
    ("source", "theirs", "others"),
    [
        ("/data/b", ["/data/b/a.md", "/data/b/c/d e.md"], ["/data/bc.md", "/data/a.md"]),
        ("/data/b/*.md", ["/data/b/a.md", "/data/b/ö e.md"], ["/data/b/c/d.md", "/data/b/a.txt", "/data/a.md"]),
        ("/data/b/**", ["/data/b/a.md", "/data/b/c/d.md"], ["/data/b", "/data/bc/d.md"]),
    ],
)
def test_a_source_owns_what_it_may_list(s3: FakeS3, source: str, theirs: list[str], others: list[str]) -> None:
    ours, ours_in_s3 = owns(source), owns(f"s3://aws@x{source}")
    assert [path for path in theirs + others if ours(Path(path).as_uri())] == theirs
    assert [path for path in theirs + others if ours_in_s3(f"s3://x{path}")] == theirs
    assert not ours("s3://x/data/b/a.md")
    assert not ours("")


# Fingerprints.

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("info", "fingerprint"),
    [
        ({"ETag": '"abc-5"', "LastModified": NOON}, "7-etag:abc-5"),  # Amazon
        ({"etag": "CJ=", "md5Hash": "x==", "generation": "17", "mtime": NOON}, "7-md5:x=="),  # Google
        ({"etag": "CJ=", "generation": "17", "updated": "2026"}, "7-generation:17"),
        ({"etag": '"0x8D"', "last_modified": NOON}, "7-etag:0x8D"),  # Azure
        ({"mtime": NOON}, "7-mtime:1767268800.0"),  # SFTP
        ({"mtime": NOON.astimezone(timezone(timedelta(hours=9)))}, "7-mtime:1767268800.0"),
        ({"mtime": NOON.replace(tzinfo=None)}, "7-mtime:1767268800.0"),
        ({"mtime": NOON.timestamp()}, "7-mtime:1767268800.0"),  # SMB
        ({"modificationTime": 1_700_000_000_123}, "7-mtime:1700000000123"),  # WebHDFS
        ({"modify": "20260101"}, "7-mtime:20260101"),  # FTP
        ({"created": 1.5}, "7-mtime:1.5"),
        ({}, None),
        ({"ETag": ""}, None),
        ({"mtime": NOON, "type": "link"}, None),
        ({"etag": "x", "size": None}, None),
    ],
)
def test_a_fingerprint_is_made_of_the_best_that_a_storage_tells(info: dict[str, Any], fingerprint: str | None) -> None:
    assert of_info({"name": "a", "size": 7, "type": "file", **info}).fingerprint == fingerprint


def test_a_storage_that_tells_nothing_is_read_and_not_called_empty(sftp: FakeStorage) -> None:
    sftp.pipe_file("/books/a.md", TEXT)
    sftp.told_of = lambda info: {**info, "type": "link", "size": 3} if info["type"] == "file" else info  # type: ignore[method-assign]
    (item,) = listed("sftp://host@/books")
    assert (item.size, item.fingerprint, item.unfit) == (0, None, "")


# What a storage remembers.


@pytest.mark.parametrize("kind", [CachingStorage, HasteStorage])
@pytest.mark.parametrize("source", ["sftp://host@/books", "sftp://host@/books/*/deep", "sftp://host@/books/**"])
def test_a_listing_is_never_older_than_the_task(kind: type[CachingStorage], source: str) -> None:
    with attached(kind(), "host") as fs:
        fs.pipe_file("/books/a/deep/b.md", TEXT)
        (before,) = listed(source)
        fs.pipe({"/books/a/deep/b.md": b"longer than it was", "/books/a/deep/c.md": TEXT, "/books/b/deep/d.md": TEXT})
        after = listed(source)
        assert [item.name for item in after] == ["a/deep/b.md", "a/deep/c.md", "b/deep/d.md"]
        assert (before.size, after[0].size) == (15, 18)
        del fs.store["/books/b/deep/d.md"]
        assert [item.name for item in listed(source)] == ["a/deep/b.md", "a/deep/c.md"]


@pytest.mark.parametrize("kind", [CachingStorage, HasteStorage])
def test_what_a_storage_remembers_hides_no_change(kind: type[CachingStorage]) -> None:
    with attached(kind(), "host") as fs:
        fs.pipe_file("/books/a.md", b"first")
        (item,) = listed("sftp://host@/books")
        document = document_of(item, blake3(b"first").hexdigest())
        fs.pipe_file("/books/a.md", b"other and longer")
        with pytest.raises(XAISourceError, match=r"^a.md changed since it was hashed"):
            document.open()


def test_a_folder_that_looks_like_a_glob_is_looked_for_now() -> None:
    with attached(CachingStorage(), "host") as fs:
        fs.pipe({"/books/a[1]/x.md": TEXT, "/books/a1/y.md": TEXT})
        fs.ls("/books")
        del fs.store["/books/a[1]/x.md"]
        assert names("sftp://host@/books/a[1]") == ["a1/y.md"]


# Reading later.


@pytest.mark.parametrize("change", [b"other", b"longer than it was"])
def test_what_changed_since_it_was_listed_is_not_taken_for_what_was_listed(place: Place, change: bytes) -> None:
    place.write("a.md", data=b"first")
    (item,) = listed(place.source)
    place.write("a.md", data=change)
    with pytest.raises(XAISourceError, match=r"^a.md changed (since it was listed|while it was read)"):
        read_item(item)


@pytest.mark.parametrize("knows", ["by reading", "by its hash"])
def test_what_changed_since_it_was_hashed_is_not_sent_under_its_old_hash(place: Place, knows: str) -> None:
    first, other = b"1" * (MAX_KEPT + 1), b"2" * (MAX_KEPT + 1)
    place.write("a.md", data=first)
    (item,) = listed(place.source, limit_bytes=len(first))
    document = read_item(item) if knows == "by reading" else document_of(item, blake3(first).hexdigest())
    with document.open() as stream:
        assert stream.read() == first
    assert (document.size, document.fingerprint, document.name) == (len(first), item.fingerprint, "a.md")
    place.write("a.md", data=other)
    with pytest.raises(XAISourceError, match=r"^a.md changed since it was hashed: run it again$"):
        document.open()


def test_a_small_document_is_sent_as_it_was_hashed_each_time(place: Place) -> None:
    place.write("a.md", data=b"first")
    (item,) = listed(place.source)
    document = read_item(item)
    assert (document.size, document.fingerprint, document.name) == (5, item.fingerprint, "a.md")
    place.write("a.md", data=b"other")
    for _ in range(2):
        with document.open() as stream:
            assert stream.read() == b"first"


def test_where_nothing_tells_of_a_change_the_hash_does(place: Place) -> None:
    place.write("a.md", data=b"first")
    (item,) = listed(place.source)
    blind = SourceItem(item.uri, item.name, item.size, None, item.path)
    document = document_of(blind, blake3(b"first").hexdigest())
    with document.open() as stream:
        assert stream.read() == b"first"
    place.write("a.md", data=b"other")
    with pytest.raises(XAISourceError, match=r"^a.md changed since it was hashed"):
        document.open()
    assert read_item(blind).content_hash == blake3(b"other").hexdigest()


def test_what_has_vanished_or_is_refused_is_named(s3: FakeS3, tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    (item,) = listed(tmp_path)
    (tmp_path / "a.md").unlink()
    with pytest.raises(XAISourceError, match=r"^a.md cannot be read \(No such file or directory\)$"):
        read_item(item)
    s3.put("bucket/b.md", TEXT)
    (item,) = listed("s3://aws@bucket")
    s3.refuse(StorageDownError())
    with pytest.raises(XAISourceError, match=r"^b.md cannot be read \(StorageDownError\)$"):
        read_item(item)


def test_a_limit_holds_when_it_is_read_as_well(place: Place) -> None:
    place.write("a.md")
    (item,) = listed(place.source)
    with pytest.raises(XAIUnfitDocumentError, match=r"a.md has 0.1 MB, above the 0 MB"):
        read_item(item, limit=14)


def test_threads_look_no_connection_up_once_the_items_are_prepared() -> None:
    """In the process of a mapped task, whose items were listed by another one."""
    with attached(FakeS3(), "aws") as fs:
        for number in range(8):
            fs.put(f"bucket/{number}.md", TEXT)
        items = listed("s3://aws@bucket")
    looked_up: list[tuple[str | None, bool]] = []

    def connect(conn_id: str | None) -> FakeS3:
        looked_up.append((conn_id, threading.current_thread() is threading.main_thread()))
        return fs

    with registered("s3", connect):
        prepare(items)
        with ThreadPoolExecutor(4) as pool:
            documents = list(pool.map(read_item, items))
    assert {document.content_hash for document in documents} == {blake3(TEXT).hexdigest()}
    assert looked_up == [("aws", True)]
