"""Finding documents: what counts as one, and what it is called."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from upath import UPath

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.finding import FoundFile, find_files
from tests.object_storage import FakeStorage, attached


def write(folder: Any, *names: str) -> None:
    for name in names:
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@pytest.fixture
def bucket() -> Iterator[UPath]:
    """A folder in an object store."""
    folder = UPath("memory://bucket/books")
    yield folder
    folder.fs.store.clear()
    folder.fs.pseudo_dirs[:] = [""]


@pytest.fixture(params=["local", "remote"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, bucket: UPath) -> Path | UPath:
    """The tests that take this hold for folders of both kinds."""
    return tmp_path if request.param == "local" else bucket


def names(found: list[FoundFile]) -> list[str]:
    return [file.name for file in found]


def test_a_folder_means_all_files_below_it_named_by_their_path_and_sorted(folder: Any) -> None:
    write(folder, "b.txt", "a/b/c.md", "a/b.md", "no-extension")
    assert names(find_files(folder)) == ["a/b.md", "a/b/c.md", "b.txt", "no-extension"]


def test_hidden_files_and_folders_are_left_out(folder: Any) -> None:
    write(folder, "a.txt", ".hidden", ".git/config", "b/.hidden/c.txt")
    assert names(find_files(folder)) == ["a.txt"]


def test_a_hidden_file_or_folder_may_be_named_itself(folder: Any) -> None:
    write(folder, ".hidden/a.txt", ".b.txt")
    assert names(find_files(folder / ".hidden")) == ["a.txt"]
    assert names(find_files(folder / ".b.txt")) == [".b.txt"]


def test_the_pattern_picks_by_the_path_below_the_folder(folder: Any) -> None:
    write(folder, "a.md", "b.txt", "c/d.md", "c/e.MD")
    assert names(find_files(folder, Choice(pattern="*.md"))) == ["a.md", "c/d.md"]
    assert names(find_files(folder, Choice(pattern="c/*"))) == ["c/d.md", "c/e.MD"]


@pytest.mark.parametrize("exclude", ["c/*", ["c/*"], ("c/*", "*.none")])
def test_exclude_is_a_pattern_or_several(folder: Any, exclude: Any) -> None:
    write(folder, "a.md", "c/d.md", "c/e.md")
    assert names(find_files(folder, Choice(exclude=exclude))) == ["a.md"]


def test_a_single_file_is_called_by_its_own_name_whatever_the_pattern(folder: Any) -> None:
    write(folder, "c/a.md")
    assert names(find_files(folder / "c" / "a.md", Choice(pattern="*.txt"))) == ["a.md"]


def test_several_paths_are_read_together_and_a_file_named_twice_counts_once(folder: Any) -> None:
    write(folder, "a.md", "c/d.md")
    assert names(find_files([folder, folder / "c" / "d.md", folder])) == ["a.md", "c/d.md"]


def test_a_glob_names_files_by_their_path_below_its_fixed_part(tmp_path: Path) -> None:
    write(tmp_path, "books/a.md", "books/b/c.md", "books/b/d.txt", "books/.e.md", "books/x.md/f.md")
    assert names(find_files(f"{tmp_path}/books/[a].md")) == ["a.md"]
    assert names(find_files(f"{tmp_path}/books/**/*.md", Choice(exclude="*/c.md"))) == ["a.md", "x.md/f.md"]
    assert names(find_files(f"{tmp_path}/books/**/*.md")) == ["a.md", "b/c.md", "x.md/f.md"]
    assert names(find_files(f"{tmp_path}/b*/b/?.[mt]*")) == ["books/b/c.md", "books/b/d.txt"]


def test_a_glob_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md", "b/c.md")
    monkeypatch.chdir(tmp_path)
    assert names(find_files("*.md")) == ["a.md"]
    assert names(find_files("b/*.md")) == ["c.md"]
    assert names(find_files("b")) == ["c.md"]


def test_magic_characters_in_the_name_of_a_file_that_exists_stand_for_themselves(tmp_path: Path) -> None:
    write(tmp_path, "a [1].md", "a 1.md")
    assert names(find_files(tmp_path / "a [1].md")) == ["a [1].md"]


@pytest.mark.parametrize(
    "of", [str, Path, os.fspath, lambda path: f"file://{path}", lambda path: ObjectStoragePath(f"file://{path}")]
)
def test_a_local_path_is_the_same_document_however_it_is_written(tmp_path: Path, of: Callable[[Path], Any]) -> None:
    write(tmp_path, "a b/c.md")
    (found,) = find_files(of(tmp_path))
    assert found == find_files(tmp_path)[0]
    assert (found.name, found.uri) == ("a b/c.md", (tmp_path / "a b" / "c.md").as_uri())


def test_an_object_is_the_same_whatever_connection_leads_to_it(bucket: UPath) -> None:
    write(bucket, "a.md")
    (found,) = find_files(bucket)
    assert found.uri == "memory:///bucket/books/a.md"


def test_a_link_to_a_file_or_a_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path, "there/a.md", "here/b.md")
    (tmp_path / "here" / "folder").symlink_to(tmp_path / "there")
    (tmp_path / "here" / "c.md").symlink_to(tmp_path / "there" / "a.md")
    assert names(find_files(tmp_path / "here", Choice(follow_links=True))) == ["b.md", "c.md", "folder/a.md"]


def loop_to_itself(folder: Path) -> None:
    (folder / "a" / "again").symlink_to(folder / "a")


def loop_to_above(folder: Path) -> None:
    (folder / "a" / "up").symlink_to(folder.parent)


def loop_of_two(folder: Path) -> None:
    (folder / "a" / "to_b").symlink_to(folder / "b")
    (folder / "b" / "to_a").symlink_to(folder / "a")


@pytest.mark.parametrize("make", [loop_to_itself, loop_to_above, loop_of_two])
def test_a_folder_that_contains_itself_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    write(tmp_path, "a/1.md", "b/2.md")
    make(tmp_path)
    with pytest.raises(XAISourceError, match=r"is a link to a folder that contains it, .* Remove the link"):
        find_files(tmp_path, Choice(follow_links=True))


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        XAISourceError, match=r"nowhere does not exist. Check the path on the machine that runs the task"
    ):
        find_files([tmp_path / "nowhere"])
    with pytest.raises(XAISourceError, match="memory://bucket/nowhere does not exist"):
        find_files(UPath("memory://bucket/nowhere"))


@pytest.mark.parametrize("paths", ["", "  ", ["", "a.md"]])
def test_an_empty_path_is_refused_because_it_would_mean_the_working_folder(paths: Any) -> None:
    with pytest.raises(XAIArgumentError, match="a path is empty"):
        find_files(paths)


def test_a_path_that_no_system_can_have_is_named() -> None:
    with pytest.raises(XAISourceError, match=r"x cannot be listed \(File name too long\)"):
        find_files("/" + "x" * 300)


@pytest.mark.parametrize("glob", ["*.{all}", "{all}/*.md", "{all}"])
def test_a_glob_may_be_longer_than_any_name(tmp_path: Path, glob: str) -> None:
    write(tmp_path, "a.ext59", "ext3/b.md", "c.txt")
    found = find_files(f"{tmp_path}/{glob.replace('all', ','.join(f'ext{number}' for number in range(60)))}")
    assert names(found) == [{"*.{all}": "a.ext59"}.get(glob, "ext3/b.md")]


def test_a_folder_below_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "open/a.md", "closed/b.md")
    listing = os.scandir

    def refuse(folder: str) -> Any:
        if folder.endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return listing(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(XAISourceError, match=r"/closed cannot be listed \(Permission denied\)"):
        find_files(tmp_path)


def test_a_folder_below_in_a_storage_that_cannot_be_listed_is_named() -> None:
    def refuse(what: str, path: str) -> None:
        if what == "ls" and path.endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    with attached(FakeStorage(), "host") as fs:
        fs.pipe({"/books/open/a.md": b"a", "/books/closed/b.md": b"b"})
        fs.refuse = refuse
        with pytest.raises(XAISourceError, match=r"/books/closed cannot be listed \(Permission denied\)"):
            find_files("sftp://host@/books")


def test_a_glob_follows_links_and_lists_no_folder_that_it_cannot_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "there/a.md", "here/x/b.md", "here/other/c.md")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "there")
    choice = Choice(follow_links=True)
    assert names(find_files(f"{tmp_path}/here/**/*.md", choice)) == ["link/a.md", "other/c.md", "x/b.md"]
    looked, scandir = [], os.scandir

    def look(folder: str) -> Any:
        looked.append(Path(folder).name)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", look)
    assert names(find_files(f"{tmp_path}/here/[xy]/*.md")) == ["x/b.md"]
    assert sorted(looked) == ["here", "x"]


def nothing_in_it(folder: Path) -> Any:
    return folder


def nothing_that_shows(folder: Path) -> Any:
    write(folder, ".hidden")
    return folder


def no_match(folder: Path) -> Any:
    return f"{folder}/*.pdf"


@pytest.mark.parametrize("make", [nothing_in_it, nothing_that_shows, no_match, lambda folder: []])
def test_nothing_found_is_an_error_that_shows_where_it_looked(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    paths = make(tmp_path)
    with pytest.raises(XAIArgumentError, match=r"there is no document in") as caught:
        find_files(paths, Choice(pattern="*.md", exclude="old/*"))
    assert (str(paths) if paths else "the empty list of paths") in str(caught.value)
    assert "(pattern '*.md', exclude ['old/*'])" in str(caught.value)


def test_two_files_of_one_name_are_refused_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, "2024/report.md", "2025/report.md")
    with pytest.raises(XAIArgumentError, match=r"would both be called 'report\.md'") as caught:
        find_files([tmp_path / "2024", tmp_path / "2025"])
    for year in ("2024", "2025"):
        assert (tmp_path / year / "report.md").as_uri() in str(caught.value)
    assert "Pass the folder that holds both" in str(caught.value)
    assert names(find_files(tmp_path)) == ["2024/report.md", "2025/report.md"]
