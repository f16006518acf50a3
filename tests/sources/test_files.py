"""Several files, folders and globs as one source, how paths may be written, and documents that a task makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from blake3 import blake3

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.content import Content
from airflow_provider_xai_collections.sources.contents import Contents, Remembered
from airflow_provider_xai_collections.sources.files import Files
from airflow_provider_xai_collections.sources.items import SourceItem
from tests.object_storage import FakeS3

from .conftest import TEXT, write

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


def test_a_folder_and_an_object_store_may_go_together(tmp_path: Path, s3: FakeS3) -> None:
    write(tmp_path, "a.md")
    s3.put("bucket/b.md", TEXT)
    both = files(tmp_path, "s3://aws@bucket")
    assert both.roots == [tmp_path.as_uri(), "s3://bucket"]
    assert [both.open(item, "").uri for item in both.list()] == [(tmp_path / "a.md").as_uri(), "s3://bucket/b.md"]
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
    with pytest.raises(XAIArgumentError, match=r"report is .*report\.jsonl, inside the source.*exclude"):
        both.refuse_output("report", f"{tmp_path}/{output}")
    files(tmp_path / "docs", exclude="*.jsonl").refuse_output("report", f"{tmp_path}/{output}")


@pytest.mark.parametrize(
    "change",
    [{"path": "/etc/passwd"}, {"uri": "file:///etc/passwd"}, {"name": "b.md"}, {"path": "s3://x/a.md"}],
    ids=str,
)
def test_items_of_another_process_are_opened_only_if_this_source_would_list_them(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    write(tmp_path, "a.md")
    source = files(tmp_path)
    (item,) = source.list()
    source.accept([SourceItem(**item.dump())])
    with pytest.raises(XAIArgumentError, match="is in the plan, and no document that"):
        source.accept([item, SourceItem(**{**item.dump(), **change})])


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


# Documents that a task makes itself, alone and beside files.

BASE = "airflow://whales/talk"


def contents(*several: Content, others: Files | None = None, limit: int = 1_000) -> Contents:
    return Contents(several, base_uri=BASE, limit=limit, others=others)


@pytest.mark.parametrize("data", ["déjà vu", "déjà vu".encode()])
def test_text_and_bytes_are_documents_whose_hash_is_known_without_reading(data: str | bytes) -> None:
    source = contents(Content("a b.md", data, fields={"lang": "fr"}))
    (item,) = source.list()
    assert (item.uri, item.name, item.size) == (f"{BASE}/a%20b.md", "a b.md", 9)
    assert (item.fingerprint, item.unfit) == (None, "")
    assert item.content_hash == blake3("déjà vu".encode()).hexdigest()
    document = source.open(item, "")
    assert (document.uri, document.content_hash, document.fields) == (item.uri, item.content_hash, {"lang": "fr"})
    for _ in range(2):
        with document.open() as stream:
            assert stream.read() == "déjà vu".encode()
    assert document.upload().content_type == "text/markdown"


def test_the_first_bytes_tell_the_type_of_a_content_as_of_a_file() -> None:
    source = contents(Content("notes.txt", b"%PDF-1.7 and so on"))
    assert source.open(source.list()[0], "").upload().content_type == "application/pdf"


def test_a_content_may_say_where_it_comes_from() -> None:
    source = contents(Content("a.md", "alpha", uri="https://wiki/1"), Content("b.md", "beta"))
    assert [item.uri for item in source.list()] == ["https://wiki/1", f"{BASE}/b.md"]
    assert source.roots == ["https://wiki/1", BASE]
    assert source.owns("https://wiki/2"), "all documents of its scope are its own"


def test_contents_stand_beside_files(tmp_path: Path) -> None:
    write(tmp_path, "b.md", data=b"beta")
    source = contents(Content("a.md", "alpha"), others=files(tmp_path))
    assert source.roots == [BASE, tmp_path.as_uri()]
    texts = {}
    for item in source.list():
        with source.open(item, "").open() as stream:
            texts[item.name] = stream.read().decode()
    assert texts == {"a.md": "alpha", "b.md": "beta"}


def test_two_documents_of_one_name_or_uri_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    with pytest.raises(XAIArgumentError, match=r"would both be called 'a\.md'.*Give each a name of its own"):
        contents(Content("a.md", "alpha"), others=files(tmp_path)).list()
    with pytest.raises(XAIArgumentError, match=r"would both be called 'a\.md'"):
        contents(Content("a.md", "alpha"), Content("a.md", "beta", uri="https://wiki/1")).list()
    for second in (Content("a.md", "beta"), Content("b.md", "beta", uri=f"{BASE}/a.md")):
        with pytest.raises(XAIArgumentError, match="two contents have the same URI"):
            contents(Content("a.md", "alpha"), second)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Content("", "x"), "name"),
        (Content("a;b.md", "x"), "contains ';'"),
        (Content("a.md", ""), "it is empty, and xAI cannot index an empty document"),
        (Content("a.md", "x" * 1_001), "it has 0.1 MB, above"),
    ],
)
def test_a_content_that_cannot_be_sent_is_in_the_list_with_the_reason(content: Content, said: str) -> None:
    bad, good = contents(content, Content("good.md", "x")).list()
    assert said in bad.unfit
    assert not good.unfit


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Content(12, "x"), "a Content needs a name"),  # type: ignore[arg-type]
        (Content("a.md", ["x"]), "its data as text or bytes"),  # type: ignore[arg-type]
        (Content("a.md", "x", fields="x"), "fields must be strings by string"),  # type: ignore[arg-type]
    ],
)
def test_a_mistake_that_is_no_document_is_an_error(content: Content, said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        contents(content)


def test_an_image_is_refused_before_it_is_sent() -> None:
    source = contents(Content("cat.png", b"x"))
    with pytest.raises(XAIUnfitDocumentError, match=r"image/png by its name"):
        source.open(source.list()[0], "").upload()


def test_the_process_that_goes_on_after_a_wait_knows_the_documents_and_opens_none(tmp_path: Path) -> None:
    source = contents(Content("a.md", "alpha"))
    again = Remembered([type(item)(**item.dump()) for item in source.list()], source.roots)
    assert (again.list(), again.roots, list(again.warnings())) == (source.list(), [BASE], [])
    assert again.owns("anything")
    for other in (again, contents(Content("b.md", "beta"))):
        with pytest.raises(XAISourceError, match=r"^a\.md is not in memory any more: run it again$"):
            other.open(source.list()[0], "")


def test_warnings_are_those_of_the_files(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    source: Any = contents(Content("b.md", "x"), others=files(tmp_path, pattern=["*.md", "*.rst"]))
    source.list()
    (warning,) = source.warnings()
    assert "'*.rst' matches nothing" in warning
    assert list(contents(Content("b.md", "x")).warnings()) == []
