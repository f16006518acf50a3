"""Office files as people write them: tables, headers, notes, several sheets."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import pytest
from docx import Document
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

from airflow_provider_xai_collections.emulator.readers.office import docx, pptx, xlsx
from airflow_provider_xai_collections.emulator.readers.page import TextPage
from tests.sample_documents import zipped


def test_a_letter_with_a_header_and_a_table() -> None:
    document, buffer = Document(), BytesIO()
    document.sections[0].header.paragraphs[0].text = "Pequod, Nantucket"
    document.sections[0].footer.paragraphs[0].text = "confidential"
    document.add_heading("Log")
    table = document.add_table(2, 3)
    for cell, text in zip(table.rows[0].cells, ("day", "place", "whales"), strict=True):
        cell.text = text
    table.cell(1, 0).text = "Monday"
    table.cell(1, 1).merge(table.cell(1, 2)).text = "calm\nall day"
    document.add_paragraph("Signed")
    document.save(buffer)
    assert [page.text.splitlines() for page in docx(buffer.getvalue())] == [
        ["Pequod, Nantucket", "confidential", "Log", "day | place | whales", "Monday | calm all day", "Signed"]
    ]


def test_slides_with_groups_tables_and_notes() -> None:
    presentation, buffer = Presentation(), BytesIO()
    first = presentation.slides.add_slide(presentation.slide_layouts[5])
    assert first.shapes.title is not None
    first.shapes.title.text = "Whaling\vin 1851"
    box = (Inches(1), Inches(1), Inches(4), Inches(1))
    first.shapes.add_group_shape().shapes.add_textbox(*box).text_frame.text = "in a group"
    table = first.shapes.add_table(1, 2, *box).table
    table.cell(0, 0).text, table.cell(0, 1).text = "ships", "ten"
    notes = first.notes_slide.notes_text_frame
    assert notes is not None
    notes.text = "speak slowly"
    second = presentation.slides.add_slide(presentation.slide_layouts[6])
    second.shapes.add_textbox(*box).text_frame.text = "The end"
    second.shapes.add_connector(1, *box)
    presentation.save(buffer)
    assert [page.text.splitlines() for page in pptx(buffer.getvalue())] == [
        ["Whaling", "in 1851", "in a group", "ships | ten", "speak slowly"],
        ["The end"],
    ]


def test_a_workbook_with_several_sheets() -> None:
    workbook, buffer = Workbook(), BytesIO()
    ships = workbook.active
    ships.title = "Ships"
    for row in (("name", "year", "sunk"), ("Pequod", 1851, True), (), ("Essex", None, datetime(1820, 11, 20))):
        ships.append(row)
    workbook.create_sheet("Nothing")
    workbook.create_sheet("Crew").append(["Ahab"])
    workbook.save(buffer)
    assert [page.text.splitlines() for page in xlsx(buffer.getvalue())] == [
        ["Ships", "name | year | sunk", "Pequod | 1851 | True", "Essex |  | 1820-11-20 00:00:00"],
        ["Nothing"],
        ["Crew", "Ahab"],
    ]


@pytest.mark.parametrize("read", [docx, pptx, xlsx])
def test_an_archive_that_would_unpack_to_too_much_is_not_unpacked(
    read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(read)
    monkeypatch.setattr("airflow_provider_xai_collections.emulator.readers.archives.MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ValueError, match="it unpacks to 1001 bytes, and at most 1000 are read"):
        list[TextPage](read(zipped({"a": b"\0" * 1001})))
