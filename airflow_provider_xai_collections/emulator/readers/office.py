"""Word, PowerPoint and Excel since 2007. A row of a table is a line, so that a search shows its cells together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from airflow_provider_xai_collections.emulator.readers.archives import checked
from airflow_provider_xai_collections.emulator.readers.page import TextPage

if TYPE_CHECKING:
    from docx.blkcntnr import BlockItemContainer
    from docx.document import Document
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide


def row(cells: Iterable[str]) -> str:
    """A row as a line, whatever lines its cells have."""
    return " | ".join(" ".join(cell.split()) for cell in cells)


def docx(content: bytes) -> Iterator[TextPage]:
    """Headers and footers of a document, and its paragraphs and tables in their order."""
    import docx

    document = docx.Document(checked(content))
    margins = [part for section in document.sections for part in (section.header, section.footer)]
    lines = [line for part in margins if not part.is_linked_to_previous for line in _blocks(part)]
    yield TextPage("\n".join([*lines, *_blocks(document)]))


def _blocks(container: Document | BlockItemContainer) -> Iterator[str]:
    from docx.text.paragraph import Paragraph

    for block in container.iter_inner_content():
        if isinstance(block, Paragraph):
            yield block.text
            continue
        for line in block.rows:
            # A cell that spans columns is listed once for each.
            cells = {cell._tc: cell for cell in line.cells}
            yield row(" ".join(_blocks(cell)) for cell in cells.values())


def pptx(content: bytes) -> Iterator[TextPage]:
    """The slides of a presentation, with their notes."""
    from pptx import Presentation

    for slide in Presentation(checked(content)).slides:
        # A line break within a paragraph comes as a vertical tab.
        yield TextPage("\n".join([*_shapes(slide.shapes), *_notes(slide)]).replace("\v", "\n"))


def _shapes(shapes: Iterable[BaseShape]) -> Iterator[str]:
    from pptx.shapes.autoshape import Shape
    from pptx.shapes.graphfrm import GraphicFrame
    from pptx.shapes.group import GroupShape

    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _shapes(shape.shapes)
        elif isinstance(shape, Shape):
            yield shape.text_frame.text
        elif isinstance(shape, GraphicFrame) and shape.has_table:
            yield from (row(cell.text for cell in line.cells) for line in shape.table.rows)


def _notes(slide: Slide) -> Iterator[str]:
    # To ask for the notes of a slide that has none would make some.
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
        yield frame.text


def xlsx(content: bytes) -> Iterator[TextPage]:
    """The sheets of a workbook, each under its name, with values where formulas were computed."""
    from openpyxl import load_workbook

    for sheet in load_workbook(checked(content), read_only=True, data_only=True).worksheets:
        # What the file says of its size need not be so.
        sheet.reset_dimensions()
        rows = (values for values in sheet.iter_rows(values_only=True) if any(value is not None for value in values))
        lines = [row("" if value is None else str(value) for value in values) for values in rows]
        yield TextPage("\n".join([sheet.title, *lines]))
