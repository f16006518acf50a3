from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api.content_types import advice, content_type_of, unsupported


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("report.pdf", "application/pdf"),
        ("REPORT.PDF", "application/pdf"),
        ("a/b/notes.md", "text/markdown"),
        ("letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("book.ipynb", "application/x-ipynb+json"),
        ("page.html", "text/html"),
        ("README", None),
        ("x.qqq", None),
    ],
)
def test_the_name_promises_a_type(name: str, content_type: str | None) -> None:
    assert content_type_of(name) == content_type


@pytest.mark.parametrize("name", ["notes.txt.gz", "backup.tar.bz2"])
def test_what_is_compressed_is_not_of_the_type_inside(name: str) -> None:
    assert content_type_of(name) is None


def test_a_document_of_known_type_should_be_sent_with_it() -> None:
    assert advice("letter.docx") == (
        "xAI stored letter.docx as application/octet-stream although it is "
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document: "
        "use upload_method='direct', which sends the type"
    )


@pytest.mark.parametrize("name", ["README", "data.bin"])
def test_a_document_of_unknown_type_should_be_renamed(name: str) -> None:
    assert advice(name).endswith("its name does not say what it is: rename it with an extension")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cat.png", "an image by its name (.png)"),
        ("a.b/CAT.JPEG", "an image by its name (.jpeg)"),
        ("song.mp3", "audio"),
        ("film.mp4", "video"),
        ("Arial.ttf", "a font"),
        ("setup.exe", "a program"),
        ("all.tar.gz", "an archive by its name (.gz)"),
        ("table.parquet", "binary data"),
    ],
)
def test_what_no_index_of_text_is_made_of_is_told_by_its_name(name: str, kind: str) -> None:
    assert unsupported(name).startswith(f"is {kind}")


@pytest.mark.parametrize(
    "name",
    [
        "notes.md",
        "report.pdf",
        "letter.docx",
        "book.epub",
        "mail.msg",
        "book.ipynb",
        "all.zip",
        "drawing.svg",  # text
        "index.ts",  # TypeScript, not a film
        "README",
        "README.ko",
        "example.com",
        "png",
        ".png",
        "a.png/README",
        "x.qqq",
    ],
)
def test_anything_else_may_be_text(name: str) -> None:
    assert unsupported(name) == ""
