"""Files that cannot be looked at are not missing: they are in the list and unseen, or an error."""

from __future__ import annotations

import ast
import errno
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.sources.fingerprints import is_missing
from airflow_provider_xai_collections.sources.scanning import read_item
from tests.object_storage import FakeS3, FakeStorage, StorageDownError
from tests.unprivileged import as_nobody, public

from .conftest import TEXT, listed, names, write

UNSEEN = [errno.EACCES, errno.EIO, errno.ESTALE, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTCONN]
MISSING = [errno.ENOENT, errno.ENOTDIR]


def unseen(monkeypatch: pytest.MonkeyPatch, path: str, number: int, *, kind_is_known: bool = True) -> None:
    """Have the folder list this path, of which nothing more can be known."""

    def refuse() -> Any:
        raise OSError(number, os.strerror(number), path)

    def refusing(look: Any) -> Any:
        return lambda at, *args, **kwargs: refuse() if str(at) == path else look(at, *args, **kwargs)

    is_dir = (lambda: False) if kind_is_known else refuse
    entry = SimpleNamespace(path=path, name=Path(path).name, is_symlink=lambda: False, is_dir=is_dir, stat=refuse)
    monkeypatch.setattr(os, "scandir", lambda folder: nullcontext([entry]))
    monkeypatch.setattr(os, "lstat", refusing(os.lstat))
    monkeypatch.setattr(os, "stat", refusing(os.stat))


@pytest.mark.parametrize("number", [*UNSEEN, *MISSING], ids=errno.errorcode.get)
def test_only_what_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    write(tmp_path, "a.md")
    (was,) = listed(tmp_path)
    unseen(monkeypatch, was.path, number)
    if number in MISSING:
        assert listed(tmp_path) == []
        return
    (item,) = listed(tmp_path)
    assert (item.uri, item.name, item.fingerprint, item.unfit) == (was.uri, "a.md", None, "")
    with pytest.raises(XAISourceError, match=rf"a\.md cannot be read \({os.strerror(number)}\)"):
        read_item(item)


@pytest.mark.parametrize("number", [*UNSEEN, *MISSING], ids=errno.errorcode.get)
def test_what_may_be_a_folder_stands_for_what_is_below_it_whatever_the_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    unseen(monkeypatch, str(tmp_path / "deep"), number, kind_is_known=False)
    if number in MISSING:
        assert listed(tmp_path, pattern="*.md") == []
        return
    (as_file,) = listed(tmp_path)
    assert (as_file.fingerprint, as_file.unfit) == (None, "")
    (item,) = listed(tmp_path, pattern="*.md")
    assert (item.name, item.fingerprint) == ("deep", None)
    assert item.unfit.startswith(f"it may be a folder, and cannot be inspected ({os.strerror(number)}), so what is in")
    for exclude, pattern in (("deep", "*.md"), ("deep/", "*.md"), ("", "/other/*.md")):
        assert listed(tmp_path, pattern=pattern, exclude=exclude) == []


def test_a_link_to_a_disk_that_is_not_mounted_stands_for_what_is_on_it(tmp_path: Path) -> None:
    write(tmp_path, "here/a.md")
    (tmp_path / "here/deep").symlink_to(tmp_path / "here/nowhere")
    (tmp_path / "here/b.txt").symlink_to("nowhere")
    for choice in ({"pattern": "*.md"}, {"exclude": ["*", "!*/", "!*.md"]}):
        items = listed(tmp_path / "here", **choice)
        assert [(item.name, bool(item.unfit)) for item in items] == [("a.md", False), ("b.txt", True), ("deep", True)]
        assert "(No such file or directory), so what is in the collection from below it stays" in items[2].unfit
    assert names(tmp_path / "here", pattern="*.md", exclude=["deep", "b.txt"]) == ["a.md"]


@pytest.fixture
def shut(tmp_path: Path) -> Iterator[Path]:
    """A folder that all may list, in which only its owner may look at anything."""
    write(tmp_path / "books", "a.md", "shut/b.md", "shut/deep/c.md")
    with public(tmp_path / "books") as books:
        (books / "shut").chmod(0o644)
        yield books


def test_files_in_a_folder_that_lets_nobody_look_at_them_are_unseen(shut: Path) -> None:
    first, second = as_nobody(listed)(shut, exclude=["deep/"])
    assert (first.name, bool(first.fingerprint)) == ("a.md", True)
    assert (second.name, second.fingerprint, second.unfit) == ("shut/b.md", None, "")
    with pytest.raises(XAISourceError, match=r"shut/b\.md cannot be read \(Permission denied\)"):
        as_nobody(read_item)(second)


def way_out(refused: pytest.ExceptionInfo[XAISourceError]) -> Any:
    """The patterns that the error says to exclude."""
    return ast.literal_eval(str(refused.value).partition("exclude=")[2])


@pytest.mark.parametrize("glob", ["", "/**/*.md"])
def test_a_folder_that_cannot_be_listed_can_be_left_out_as_the_error_says(shut: Path, glob: str) -> None:
    with pytest.raises(XAISourceError, match=r"shut/deep cannot be listed \(Permission denied\)") as refused:
        as_nobody(listed)(f"{shut}{glob}")
    assert way_out(refused) == ["shut/deep/"]
    assert as_nobody(names)(f"{shut}{glob}", exclude=way_out(refused)) == ["a.md", "shut/b.md"]
    assert as_nobody(names)(f"{shut}{glob}", pattern="/a.md") == ["a.md"]


@pytest.mark.parametrize("name", ["lost+found", "a [1]", "*", "{a,b}", "!x", "#x", "b/lost+found"])
def test_a_folder_of_any_name_can_be_left_out_as_the_error_says(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"books/{name}/b.md", "books/a/b.md", "books/lost/b.md")
    with public(tmp_path / "books") as books:
        (books / name).chmod(0)
        with pytest.raises(XAISourceError, match=r"cannot be listed \(Permission denied\)") as refused:
            as_nobody(listed)(books)
        assert as_nobody(names)(books, exclude=way_out(refused)) == ["a/b.md", "lost/b.md"]


def test_a_source_that_cannot_be_looked_at_is_not_said_not_to_exist(shut: Path) -> None:
    for source in (shut / "shut/deep", shut / "shut/b.md", f"{shut}/shut/[b].md", f"{shut}/shut/deep/*.md"):
        with pytest.raises(XAISourceError, match=r"cannot be listed \(Permission denied\)"):
            as_nobody(listed)(source)


# Object storage.


class HttpError(Exception):
    def __init__(self, **told: Any) -> None:
        self.__dict__.update(told)


def made_of(cause: Exception) -> FileNotFoundError:
    error = FileNotFoundError("a")
    error.__cause__ = cause
    return error


def amazons(status: int) -> HttpError:
    return HttpError(response={"ResponseMetadata": {"HTTPStatusCode": status}})


@pytest.mark.parametrize(
    ("error", "missing"),
    [
        (FileNotFoundError("a"), True),
        (NotADirectoryError("a"), True),
        (PermissionError("a"), False),
        (TimeoutError("a"), False),
        (KeyError("a"), False),
        (made_of(KeyError("not in the cache")), True),
        (made_of(FileNotFoundError("a")), True),
        (made_of(PermissionError("a")), False),
        (made_of(ConnectionError("a")), False),
        (made_of(HttpError(status=404)), True),
        (made_of(HttpError(status=403)), False),
        (made_of(HttpError(status_code=503)), False),
        (made_of(HttpError(code=401)), False),
        (made_of(HttpError(code=404)), True),
        (made_of(amazons(404)), True),
        (made_of(amazons(403)), False),
        (made_of(HttpError(response=SimpleNamespace(status_code=403))), False),
        (made_of(made_of(HttpError(status=403))), False),
    ],
)
def test_not_found_is_believed_unless_it_was_made_of_something_else(error: Exception, missing: bool) -> None:
    assert is_missing(error) == missing


def test_what_an_error_came_upon_counts_unless_it_is_hidden_on_purpose() -> None:
    error = FileNotFoundError("a")
    error.__context__ = PermissionError("a")
    assert not is_missing(error)
    error.__suppress_context__ = True
    assert is_missing(error)


each_refusal = pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Access Denied"),
        made_of(HttpError(status=403)),
        HttpError(status=403),
        StorageDownError(),
    ],
)


@each_refusal
def test_a_folder_that_looks_like_a_glob_does_not_become_one_because_it_cannot_be_looked_at(
    s3: FakeS3, error: Exception
) -> None:
    for name in ("a[1]/x.md", "a[1]/y.md", "a1/z.md"):
        s3.put(f"bucket/{name}", TEXT)
    assert names("s3://aws@bucket/a[1]") == ["x.md", "y.md"]
    s3.refuse(error, ending="a[1]")
    with pytest.raises(XAISourceError, match=r"s3://aws@bucket/a\[1\] cannot be listed \("):
        listed("s3://aws@bucket/a[1]")


@each_refusal
def test_an_object_that_cannot_be_looked_at_is_not_missing(s3: FakeS3, error: Exception) -> None:
    s3.put("bucket/a.md", TEXT)
    s3.refuse(error)
    with pytest.raises(XAISourceError, match=r"s3://aws@bucket cannot be listed \("):
        listed("s3://aws@bucket")


def test_a_folder_of_a_storage_is_left_out_as_the_error_says_and_not_even_asked_for(sftp: FakeStorage) -> None:
    sftp.pipe({"/books/a/b.md": TEXT, "/books/lost+found/c.md": TEXT})
    sftp.refuse(PermissionError(errno.EACCES, "Permission denied"), "ls", "lost+found")
    with pytest.raises(XAISourceError, match=r"sftp:///books/lost\+found cannot be listed") as refused:
        listed("sftp://host@/books")
    assert names("sftp://host@/books", exclude=way_out(refused)) == ["a/b.md"]
