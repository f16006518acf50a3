"""Files that cannot be looked at are not missing: they are in the list and unseen, or an error."""

from __future__ import annotations

import ast
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.sources.fingerprints import is_missing
from airflow_provider_xai_collections.sources.scanning import read_item
from tests.object_storage import FakeS3, FakeStorage, attached
from tests.sources.test_scanning import TEXT, listed, names, write
from tests.unprivileged import as_nobody, public

UNSEEN = [errno.EACCES, errno.EIO, errno.ESTALE, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTCONN]
MISSING = [errno.ENOENT, errno.ENOTDIR]


def failing(number: int, path: str = "") -> OSError:
    return OSError(number, os.strerror(number), path)


def unlistable(folder: str) -> Callable[[str, str], None]:
    """Has a storage say that it may not list the folder."""

    def refuse(what: str, path: str) -> None:
        if what == "ls" and folder in path:
            raise failing(errno.EACCES)

    return refuse


@dataclass
class Entry:
    """An entry of a folder, on a disk that does not answer when it is asked more."""

    path: str
    error: OSError
    kind_is_known: bool = True

    @property
    def name(self) -> str:
        return Path(self.path).name

    def is_symlink(self) -> bool:
        return False

    def is_dir(self) -> bool:
        if not self.kind_is_known:
            raise self.error
        return False

    def stat(self) -> Any:
        raise self.error


class Listing(list):  # type: ignore[type-arg]
    def __enter__(self) -> Any:
        return iter(self)

    def __exit__(self, *of: Any) -> None:
        pass


def lists(monkeypatch: pytest.MonkeyPatch, *items: Entry) -> None:
    """Have the folder list these, of which nothing more can be known."""
    broken = {item.path: item.error for item in items}
    lstat, stat = os.lstat, os.stat

    def look(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if (error := broken.get(os.fspath(path) if isinstance(path, str | os.PathLike) else "")) is not None:
            raise error
        return stat(path, *args, **kwargs)

    def look_at_link(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if (error := broken.get(os.fspath(path))) is not None:
            raise error
        return lstat(path, *args, **kwargs)

    monkeypatch.setattr(os, "scandir", lambda folder: Listing(items))
    monkeypatch.setattr(os, "lstat", look_at_link)
    monkeypatch.setattr(os, "stat", look)


@pytest.mark.parametrize("number", [*UNSEEN, *MISSING], ids=errno.errorcode.get)
def test_only_what_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    write(tmp_path, "a.md")
    (was,) = listed(tmp_path)
    lists(monkeypatch, Entry(was.path, failing(number, was.path)))
    if number in MISSING:
        assert listed(tmp_path) == []
        return
    (item,) = listed(tmp_path)
    assert (item.uri, item.name, item.fingerprint, item.unfit) == (was.uri, "a.md", None, "")
    with pytest.raises(XAISourceError, match=rf"a\.md cannot be read \({os.strerror(number)}\)"):
        read_item(item)


@pytest.mark.parametrize("number", UNSEEN, ids=errno.errorcode.get)
def test_what_may_be_a_folder_stands_for_what_is_below_it_whatever_the_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = str(tmp_path / "deep")
    lists(monkeypatch, Entry(path, failing(number, path), kind_is_known=False))
    (as_file,) = listed(tmp_path)
    assert (as_file.fingerprint, as_file.unfit) == (None, "")
    (item,) = listed(tmp_path, pattern="*.md")
    assert (item.name, item.fingerprint) == ("deep", None)
    assert item.unfit.startswith(f"it may be a folder, and cannot be inspected ({os.strerror(number)}), so what is in")
    assert listed(tmp_path, pattern="*.md", exclude=["deep"]) == []
    assert listed(tmp_path, pattern="*.md", exclude=["deep/"]) == []
    assert listed(tmp_path, pattern="/other/*.md") == []


def test_a_link_to_a_disk_that_is_not_mounted_stands_for_what_is_on_it(tmp_path: Path) -> None:
    write(tmp_path, "here/a.md")
    (tmp_path / "here/deep").symlink_to(tmp_path / "here/nowhere")
    (tmp_path / "here/b.txt").symlink_to("nowhere")
    items = listed(tmp_path / "here", pattern="*.md")
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


@pytest.mark.parametrize("glob", ["", "/**/*.md"])
def test_a_folder_that_cannot_be_listed_can_be_left_out_as_the_error_says(shut: Path, glob: str) -> None:
    with pytest.raises(XAISourceError, match=r"shut/deep cannot be listed \(Permission denied\)") as refused:
        as_nobody(listed)(f"{shut}{glob}")
    way_out = ast.literal_eval(str(refused.value).partition("exclude=")[2])
    assert way_out == ["shut/deep/"]
    assert [item.name for item in as_nobody(listed)(f"{shut}{glob}", exclude=way_out)] == ["a.md", "shut/b.md"]
    assert [item.name for item in as_nobody(listed)(f"{shut}{glob}", pattern="/a.md")] == ["a.md"]


@pytest.mark.parametrize("name", ["lost+found", "a [1]", "*", "{a,b}", "!x", "#x", "b/lost+found"])
def test_a_folder_of_any_name_can_be_left_out_as_the_error_says(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"books/{name}/b.md", "books/a/b.md", "books/lost/b.md")
    with public(tmp_path / "books") as books:
        (books / name).chmod(0)
        with pytest.raises(XAISourceError, match=r"cannot be listed \(Permission denied\)") as refused:
            as_nobody(listed)(books)
        way_out = ast.literal_eval(str(refused.value).partition("exclude=")[2])
        assert [item.name for item in as_nobody(listed)(books, exclude=way_out)] == ["a/b.md", "lost/b.md"]


def test_a_source_that_cannot_be_looked_at_is_not_said_not_to_exist(shut: Path) -> None:
    for source in (shut / "shut/deep", shut / "shut/b.md", f"{shut}/shut/[b].md", f"{shut}/shut/deep/*.md"):
        with pytest.raises(XAISourceError, match=r"cannot be listed \(Permission denied\)"):
            as_nobody(listed)(source)


# Object storage.


class HttpError(Exception):
    def __init__(self, **told: Any) -> None:
        self.__dict__.update(told)


def made_of(cause: Exception) -> FileNotFoundError:
    try:
        raise FileNotFoundError("a") from cause
    except FileNotFoundError as error:
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


REFUSALS = [PermissionError(errno.EACCES, "Access Denied"), made_of(HttpError(status=403)), HttpError(status=403)]


@pytest.mark.parametrize("error", REFUSALS)
def test_a_folder_that_looks_like_a_glob_does_not_become_one_because_it_cannot_be_looked_at(error: Exception) -> None:
    def refuse(what: str, path: str) -> None:
        if path.endswith("a[1]"):
            raise error

    with attached(FakeS3(), "aws") as fs:
        for name in ("a[1]/x.md", "a[1]/y.md", "a1/z.md"):
            fs.put(f"bucket/{name}", TEXT)
        assert names("s3://aws@bucket/a[1]") == ["x.md", "y.md"]
        fs.refuse = refuse
        with pytest.raises(XAISourceError, match=r"s3://aws@bucket/a\[1\] cannot be listed \("):
            listed("s3://aws@bucket/a[1]")


@pytest.mark.parametrize("error", REFUSALS)
def test_an_object_that_cannot_be_looked_at_is_not_missing(error: Exception) -> None:
    def refuse(what: str, path: str) -> None:
        raise error

    with attached(FakeS3(), "aws") as fs:
        fs.put("bucket/a.md", TEXT)
        fs.refuse = refuse
        with pytest.raises(XAISourceError, match=r"s3://aws@bucket cannot be listed \("):
            listed("s3://aws@bucket")


def test_a_folder_of_a_storage_is_left_out_as_the_error_says_and_not_even_asked_for() -> None:
    with attached(FakeStorage(), "host") as fs:
        fs.pipe({"/books/a/b.md": TEXT, "/books/lost+found/c.md": TEXT})
        fs.refuse = unlistable("lost+found")
        with pytest.raises(XAISourceError, match=r"sftp:///books/lost\+found cannot be listed") as refused:
            listed("sftp://host@/books")
        way_out = ast.literal_eval(str(refused.value).partition("exclude=")[2])
        assert names("sftp://host@/books", exclude=way_out) == ["a/b.md"]


@pytest.mark.parametrize("number", MISSING, ids=errno.errorcode.get)
def test_what_went_while_its_folder_was_listed_is_no_folder_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = str(tmp_path / "deep")
    lists(monkeypatch, Entry(path, failing(number, path), kind_is_known=False))
    assert listed(tmp_path, pattern="*.md") == []


def test_excluding_files_but_no_folders_keeps_what_is_on_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "a.txt")
    (tmp_path / "deep").symlink_to(tmp_path / "nowhere")
    items = listed(tmp_path, exclude=["*", "!*/", "!*.md"])
    assert [(item.name, bool(item.unfit)) for item in items] == [("a.md", False), ("deep", True)]


def test_a_glob_asks_a_storage_with_folders_folder_by_folder_and_passes_over_none() -> None:
    """The ``find`` of such a storage leaves out what it may not list, without a word."""
    with attached(FakeStorage(), "host") as fs:
        fs.pipe({"/books/x/a.md": TEXT, "/books/x/deep/b.md": TEXT})
        fs.refuse = unlistable("deep")
        with pytest.raises(XAISourceError, match="sftp:///books/x/deep cannot be listed"):
            listed("sftp://host@/books/*")
