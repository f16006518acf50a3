"""Documents and passages as text."""

from __future__ import annotations

from typing import Any

from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.tables import count_table, document_table, passages


def document(name: str, *, size: int = 1, status: str = "DOCUMENT_STATUS_PROCESSED", **other: Any) -> Document:
    metadata = {"file_id": "file_1", "name": name, "size_bytes": size, "created_at": other.pop("created", None)}
    return Document.model_validate({"file_metadata": metadata, "status": status, **other})


def test_documents_stand_in_a_table_sorted_by_name() -> None:
    table = document_table(
        [
            document(
                "moby.txt",
                size=1_234_567,
                chunk_count=12,
                created="2026-01-01T00:00:00Z",
                last_indexed_at="2026-01-01T00:01:02.345Z",
            ),
            document("jaws.docx", size=20, status="DOCUMENT_STATUS_FAILED", chunk_count=0),
        ]
    )
    assert table.splitlines() == [
        "document        size  status     chunks  seconds",
        "---------  ---------  ---------  ------  -------",
        "jaws.docx         20  failed          0        -",
        "moby.txt   1,234,567  processed      12     62.3",
    ]


def test_what_the_service_does_not_tell_is_a_dash() -> None:
    untold = document("a.txt", created="2026-01-01T00:00:00Z", status="DOCUMENT_STATUS_DREAMING")
    assert document_table([untold]).splitlines()[2] == "a.txt        1  dreaming       -        -"


def test_a_long_or_wild_name_takes_one_line_of_bounded_width() -> None:
    table = document_table([document("x" * 200 + "\n"), document("a\nb\tc"), document("ok", status="A\nB" * 100)])
    lines = table.splitlines()
    assert len(lines) == 2 + 3
    assert max(map(len, lines)) <= 60 + 60 + 40
    assert lines[2].startswith("a b c ")
    assert lines[4].startswith("x" * 59 + "…")


def test_no_documents_make_a_header() -> None:
    assert document_table([]).splitlines() == [
        "document  size  status  chunks  seconds",
        "--------  ----  ------  ------  -------",
    ]


def test_counts_make_a_table_without_those_that_are_zero() -> None:
    table = count_table(("documents", "count"), {"added": 1_234_567, "in the source": 2, "removed": 0})
    assert table.splitlines() == [
        "documents          count",
        "-------------  ---------",
        "added          1,234,567",
        "in the source          2",
    ]
    assert count_table(("documents", "count"), {}).splitlines() == ["documents  count", "---------  -----"]


def test_a_passage_stands_on_one_line_below_where_it_comes_from() -> None:
    fields = {"airflow_source_uri": "file:///whales/moby.md"}
    found = [
        SearchMatch(file_id="file_1", chunk_content="# Call\n\nme  \x1b[31mIshmael", score=0.934, fields=fields),
        SearchMatch(file_id="file_2", chunk_content="x" * 2_000, score=0.5),
    ]
    first, second = passages(found).split("\n\n")
    assert first == "[0.93] file:///whales/moby.md\n# Call me [31mIshmael"
    assert second == f"[0.50] file_2\n{'x' * 799}…"


def test_no_passage_is_said_with_what_to_do() -> None:
    assert passages([]) == (
        "No passage was found. Searches may miss a document for some seconds after it was processed: search again, or "
        "with other words."
    )
