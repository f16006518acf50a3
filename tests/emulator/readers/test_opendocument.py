"""OpenDocument files as people write them."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.emulator.readers.opendocument import opendocument
from tests.sample_documents import open_document, zipped


def lines(kind: str, body: str) -> list[str]:
    (page,) = opendocument(open_document(kind, f"<office:{kind}>{body}</office:{kind}>"))
    return page.text.splitlines()


def test_a_text_with_spaces_tabs_spans_and_what_was_deleted() -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:h>Log<office:annotation><text:p>really?</text:p></office:annotation> book</text:h>"
        "<text:list><text:list-item><text:p>one<text:s/><text:s text:c='2'/>two</text:p></text:list-item></text:list>"
        "<text:p>a<text:tab/><text:span>b<text:line-break/>c</text:span>d</text:p>"
    )
    assert lines("text", body) == ["Log book", "one   two", "a\tb", "cd"]


def test_rows_of_tables_are_lines() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>".format
    empty = "<table:table-row><table:table-cell/></table:table-row>"
    head = f"<table:table-header-rows><table:table-row>{cell('ship')}{cell('year')}</table:table-row>"
    rows = f"{head}</table:table-header-rows><table:table-row>{cell('Pequod')}{cell('1851')}</table:table-row>{empty}"
    table = f'<table:table table:name="Ships">{rows}</table:table>'
    assert lines("spreadsheet", table) == ["Ships", "ship | year", "Pequod | 1851"]
    assert lines("text", table) == ["ship | year", "Pequod | 1851"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_not_expanded(encoding: str) -> None:
    declared = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    content = zipped(
        {"content.xml": f'<?xml version="1.0" encoding="{encoding}"?>{declared}<x>&b;</x>'.encode(encoding)}
    )
    with pytest.raises(ValueError, match="its XML declares entities"):
        list(opendocument(content))


def test_a_document_without_a_body() -> None:
    with pytest.raises(ValueError, match=r"its content\.xml has no body"):
        list(opendocument(zipped({"content.xml": "<x/>"})))
