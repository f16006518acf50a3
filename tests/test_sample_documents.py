"""The samples that other tests send: each is whole, and a PDF hides its text as most do."""

from __future__ import annotations

import email
import json
from email.policy import default
from io import BytesIO
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from tests import sample_documents
from tests.sample_documents import SAMPLES, docx, eml, ipynb, pdf, png


@pytest.mark.parametrize(("pages", "lines"), [(1, 1), (3, 3), (3, 100), (2, 1), (1, 100)])
def test_a_pdf_is_whole_and_keeps_its_text(pages: int, lines: int) -> None:
    text = [f"line {number} (caf\u00e9) \\" for number in range(lines)]
    read = PdfReader(BytesIO(pdf("\n".join(text), pages)), strict=True).pages
    assert len(read) == max(pages, -(-lines // 48))
    assert [line for page in read for line in page.extract_text().splitlines()] == text


def test_no_word_of_a_pdf_is_among_its_bytes_and_it_is_as_large_as_asked_for() -> None:
    content = pdf("whales whales whales", padding=40_000)
    assert b"whales" not in content
    assert 40_000 < len(content) < 41_000


@pytest.mark.parametrize("ending", [ending for ending in SAMPLES if SAMPLES[ending]("x").startswith(b"PK")])
def test_archives_are_whole(ending: str) -> None:
    assert ZipFile(BytesIO(SAMPLES[ending]("x"))).testzip() is None


@pytest.mark.parametrize("ending", SAMPLES)
def test_the_same_text_is_the_same_bytes(ending: str) -> None:
    assert SAMPLES[ending]("x") == SAMPLES[ending]("x") != SAMPLES[ending]("y")


def test_a_letter_and_a_notebook_are_whole() -> None:
    letter = email.message_from_bytes(eml("caf\u00e9"), policy=default)
    assert letter.get_body() is not None
    assert letter.get_content() == "caf\u00e9\n"
    assert json.loads(ipynb("a\nb"))["cells"][0]["source"] == ["a\n", "b"]
    assert png().startswith(b"\x89PNG")
    assert docx("x").startswith(b"PK")
    assert sample_documents.zipped({}) != b""
