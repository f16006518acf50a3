"""Small files of the formats that the emulator reads."""

from __future__ import annotations

import zipfile
from io import BytesIO


def zipped(members: dict[str, str | bytes]) -> bytes:
    """A zip archive."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def docx(text: str) -> bytes:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    paragraph = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    return zipped({"word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{paragraph}</w:body></w:document>'})


def xlsx(text: str) -> bytes:
    return zipped({"xl/sharedStrings.xml": f"<sst><si><t>{text}</t></si><si><t>two</t></si></sst>"})


def pptx(text: str) -> bytes:
    return zipped({"ppt/slides/slide1.xml": f"<sld><p><t>{text}</t></p></sld>"})


def epub(text: str) -> bytes:
    page = f"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>{text}</p></body></html>"
    return zipped({"META-INF/container.xml": "<container/>", "text/one.xhtml": page})


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text a page, without a cross-reference table worth the name."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()]
    objects.append(font)
    for number, text in enumerate(pages):
        content = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode()
        resources = "<< /Font << /F1 3 0 R >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /Resources {resources} /Contents {5 + 2 * number} 0 R >>"
        objects += [page.encode(), b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return body + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
