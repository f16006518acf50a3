"""Counts and passages as text."""

from __future__ import annotations

from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.tables import count_table, passages


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
