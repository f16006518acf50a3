"""Books: their chapters in the order of reading."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.emulator.readers.books import epub
from tests.sample_documents import zipped

CONTAINER = '<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>'


def test_chapters_come_in_the_order_of_the_spine() -> None:
    book = (
        "<package><manifest><item id='b' href='b.xhtml'/><item id='nav' href='n.xhtml'/>"
        "<item id='a' href='a%20a.xhtml'/></manifest><spine><itemref idref='b'/><itemref idref='a'/></spine></package>"
    )
    members = {"a a.xhtml": "<p>after &amp; all</p>", "b.xhtml": "<p>before</p>", "n.xhtml": "<p>contents</p>"}
    pages = epub(zipped({"META-INF/container.xml": CONTAINER, "book.opf": book, **members}))
    assert [page.text.strip() for page in pages] == ["before", "after & all"]


def test_a_container_without_a_book() -> None:
    with pytest.raises(ValueError, match=r"its container\.xml names no book"):
        list(epub(zipped({"META-INF/container.xml": "<container/>"})))
