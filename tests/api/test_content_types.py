from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api.content_types import advice, content_type_of


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
