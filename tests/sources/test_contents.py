"""Documents that a task makes itself, alone and beside files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.content import Content
from airflow_provider_xai_collections.sources.contents import Contents, Remembered
from airflow_provider_xai_collections.sources.files import Files
from tests.sources.test_scanning import write

BASE = "airflow://whales/talk"


def contents(*several: Content, others: Files | None = None, limit: int = 1_000) -> Contents:
    return Contents(several, base_uri=BASE, limit=limit, others=others)


def files(*paths: Path) -> Files:
    return Files(paths, Choice(), limit=1_000)


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
        with pytest.raises(XAISourceError, match=r"^a\.md is not in memory any more: run the task again$"):
            other.open(source.list()[0], "")


def test_warnings_are_those_of_the_files(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    choice = Choice(["*.md", "*.rst"])
    source: Any = contents(Content("b.md", "x"), others=Files([tmp_path], choice, limit=1_000))
    source.list()
    (warning,) = source.warnings()
    assert "'*.rst' matches nothing" in warning
    assert list(contents(Content("b.md", "x")).warnings()) == []
