"""Several files, folders and globs as one source, and how paths may be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from blake3 import blake3

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.files import Files
from airflow_provider_xai_collections.sources.items import SourceItem
from tests.object_storage import FakeS3, attached
from tests.sources.test_scanning import TEXT, write

LIMIT = 1_000


def files(*paths: Any, limit: int = LIMIT, **choice: Any) -> Files:
    return Files(paths, Choice(**choice), limit=limit)


def names(*paths: Any, **choice: Any) -> list[str]:
    return [item.name for item in files(*paths, **choice).list()]


def test_several_paths_are_listed_together_and_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "c/d.md", "e/f.txt")
    assert names(tmp_path / "a.md", tmp_path / "c", f"{tmp_path}/e/*") == ["a.md", "d.md", "f.txt"]
    assert names(tmp_path, tmp_path / "c" / "d.md", tmp_path) == ["a.md", "c/d.md", "e/f.txt"]
    assert names() == []


def test_a_folder_and_an_object_store_may_go_together(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    with attached(FakeS3(), "aws") as s3:
        s3.put("bucket/b.md", TEXT)
        both = files(tmp_path, "s3://aws@bucket")
        assert both.roots == [tmp_path.as_uri(), "s3://bucket"]
        assert [both.open(item, "").uri for item in both.list()] == [
            (tmp_path / "a.md").as_uri(),
            "s3://bucket/b.md",
        ]
        assert both.owns("s3://bucket/c.md")
        assert not both.owns("s3://other/c.md")


def test_two_files_of_one_name_are_refused_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, "2024/report.md", "2025/report.md")
    with pytest.raises(XAIArgumentError, match=r"would both be called 'report\.md'") as caught:
        files(tmp_path / "2024", tmp_path / "2025").list()
    for year in ("2024", "2025"):
        assert (tmp_path / year / "report.md").as_uri() in str(caught.value)
    assert "Pass the folder that holds both" in str(caught.value)
    assert names(tmp_path) == ["2024/report.md", "2025/report.md"]


def test_files_that_cannot_be_sent_are_in_the_list_with_the_reason(tmp_path: Path) -> None:
    """Links that lead out, what cannot be looked at, what xAI would not take: nothing of it stops the others."""
    write(tmp_path, "here/good.md", "there/secret.md", "here/large.md", data=b"x" * 10)
    (tmp_path / "here" / "empty.md").touch()
    (tmp_path / "here" / "nowhere").symlink_to("not-mounted")
    (tmp_path / "here" / "out.md").symlink_to(tmp_path / "there" / "secret.md")
    write(tmp_path, "here/large.md", data=b"x" * 11)
    unfit = {item.name: item.unfit for item in files(tmp_path / "here", limit=10, pattern="*.md").list()}
    assert unfit.pop("good.md") == ""
    for name, said in {
        "empty.md": "it is empty",
        "large.md": "it has 0.1 MB, above the 0 MB",
        "nowhere": "it may be a folder, and cannot be inspected (No such file or directory)",
        "out.md": "it is a link that leads out of the source",
    }.items():
        assert unfit.pop(name).startswith(said)
    assert unfit == {}


def test_an_empty_path_is_refused_because_it_would_mean_the_working_folder() -> None:
    for paths in (("",), ("a.md", "  ")):
        with pytest.raises(XAIArgumentError, match="a path is empty"):
            files(*paths)


def test_patterns_that_matched_in_one_of_the_paths_are_no_reason_for_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "a/a.md", "b/b.txt")
    both = files(tmp_path / "a", tmp_path / "b", pattern=["*.md", "*.txt", "*.rst"])
    both.list()
    (warning,) = both.warnings()
    assert warning.startswith(f"pattern '*.rst' matches nothing in {(tmp_path / 'a').as_uri()}, ")


def test_a_document_is_read_for_its_hash_unless_that_is_known(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    checks: list[str] = []
    source = Files([tmp_path], Choice(), limit=LIMIT, check=lambda: checks.append("check"))
    (item,) = source.list()
    known = source.open(item, "the hash")
    assert (known.content_hash, checks) == ("the hash", [])
    assert source.open(item, "").content_hash == blake3(TEXT).hexdigest()
    assert checks, "reading can be ended"
    write(tmp_path, "a.md", data=b"x" * (LIMIT + 1))
    with pytest.raises(XAISourceError):
        source.open(item, "")


@pytest.mark.parametrize("output", ["docs/report.jsonl", "docs/../docs/x/report.jsonl"])
def test_what_a_task_writes_must_not_be_in_any_of_its_paths(tmp_path: Path, output: str) -> None:
    write(tmp_path, "other/a.md", "docs/b.md")
    both = files(tmp_path / "other", tmp_path / "docs")
    both.refuse_output("report", tmp_path / "report.jsonl")
    with pytest.raises(XAIArgumentError, match=r"report is .*report\.jsonl, inside the source.*exclude="):
        both.refuse_output("report", f"{tmp_path}/{output}")
    files(tmp_path / "docs", exclude="*.jsonl").refuse_output("report", f"{tmp_path}/{output}")


def changed(**other: Any) -> Callable[[SourceItem], SourceItem]:
    return lambda item: SourceItem(**{**item.dump(), **other})


@pytest.mark.parametrize(
    "change",
    [changed(path="/etc/passwd"), changed(uri="file:///etc/passwd"), changed(name="b.md"), changed(path="s3://x/a.md")],
)
def test_items_of_another_process_are_opened_only_if_this_source_would_list_them(
    tmp_path: Path, change: Callable[[SourceItem], SourceItem]
) -> None:
    write(tmp_path, "a.md")
    source = files(tmp_path)
    (item,) = source.list()
    source.accept([SourceItem(**item.dump())])
    with pytest.raises(XAIArgumentError, match="is in the plan, and no document that"):
        source.accept([item, change(item)])


# How one path may be written.


@pytest.mark.parametrize(
    "of", [str, Path, os.fspath, lambda path: f"file://{path}", lambda path: ObjectStoragePath(f"file://{path}")]
)
def test_a_local_path_is_the_same_document_however_it_is_written(tmp_path: Path, of: Callable[[Path], Any]) -> None:
    write(tmp_path, "a b/c.md")
    (item,) = files(of(tmp_path)).list()
    assert (item.name, item.uri) == ("a b/c.md", (tmp_path / "a b" / "c.md").as_uri())


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md", "b/c.md")
    monkeypatch.chdir(tmp_path)
    assert [names(path) for path in ("*.md", "b/*.md", "b")] == [["a.md"], ["c.md"], ["c.md"]]


def test_a_hidden_file_or_folder_may_be_named_itself(tmp_path: Path) -> None:
    write(tmp_path, ".hidden/a.txt", ".b.txt")
    assert names(tmp_path / ".hidden", tmp_path / ".b.txt") == ["a.txt", ".b.txt"]


def test_a_file_is_called_by_its_own_name_whatever_the_pattern(tmp_path: Path) -> None:
    write(tmp_path, "c/a [1].md", "c/a 1.md")
    assert names(tmp_path / "c" / "a [1].md", pattern="*.txt") == ["a [1].md"]


def test_a_path_that_no_system_can_have_is_named() -> None:
    with pytest.raises(XAISourceError, match=r"x cannot be listed \(File name too long\)"):
        files("/" + "x" * 300).list()


@pytest.mark.parametrize(
    ("glob", "found"), [("*.{all}", ["a.ext59"]), ("{all}/*.md", ["ext3/b.md"]), ("{all}", ["ext3/b.md"])]
)
def test_a_glob_may_be_longer_than_any_name(tmp_path: Path, glob: str, found: Sequence[str]) -> None:
    write(tmp_path, "a.ext59", "ext3/b.md", "c.txt")
    assert names(f"{tmp_path}/{glob.replace('all', ','.join(f'ext{number}' for number in range(60)))}") == found


def test_a_glob_follows_links_and_lists_no_folder_that_it_cannot_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "there/a.md", "here/x/b.md", "here/other/c.md")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "there")
    assert names(f"{tmp_path}/here/**/*.md", follow_links=True) == ["link/a.md", "other/c.md", "x/b.md"]
    listed, scandir = [], os.scandir

    def noted(folder: str) -> Any:
        listed.append(Path(folder).name)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", noted)
    assert names(f"{tmp_path}/here/[xy]/*.md") == ["x/b.md"]
    assert sorted(listed) == ["here", "x"]
