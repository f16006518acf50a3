"""Places that documents come from: said in little room however many they are, and named as OpenLineage names it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.lineage.places import dataset_name, places_of


def test_few_are_named_each_once_and_in_order() -> None:
    assert places_of(["s3://b/z.md", "s3://b/a.md", "s3://b/z.md"]) == ("s3://b/a.md", "s3://b/z.md")
    assert places_of([]) == ()


def test_of_very_many_the_folders_are_named_as_deep_as_there_is_room() -> None:
    deep = [f"s3://bucket/library/{shelf}/{number}.md" for shelf in ("a", "b") for number in range(50_000)]
    assert places_of([*deep, "file:///etc/motd"]) == (
        "file:///etc/motd",
        "s3://bucket/library/a",
        "s3://bucket/library/b",
    )
    wide = [f"s3://bucket/{number}/a.md" for number in range(1000)]
    assert places_of(wide) == ("s3://bucket",)


def test_what_has_no_folder_is_cut() -> None:
    assert places_of((f"{number:03}" for number in range(100)), room=21) == ("000", "001", "002")
    assert places_of(["s3://" + "b" * 100], room=20) == ()


def test_a_place_shows_no_secret_and_no_control_character() -> None:
    shown = places_of(
        [
            "https://example.org/a.md?X-Amz-Signature=0123#top",
            "sftp://user:password@host/b.md",
            "sftp://user:pass@word@host/b.md",
            "https://token@example.org/c.md",
            "https://user:pass@word@example.org/c.md",
            "abfs://container@account/c?d.md",
            "https://example.org/xai-0123456789abcdefghij",
            "one\n\0two",
        ]
    )
    assert shown == (
        "abfs://container@account/c?d.md",
        "https://example.org/a.md",
        "https://example.org/c.md",
        "https://example.org/xai-***",
        "one two",
        "sftp://host/b.md",
    )


@given(
    st.lists(st.text(max_size=60) | st.from_regex(r"\A[a-z]{1,4}://[a-z/]{0,80}\Z"), max_size=60), st.integers(0, 400)
)
def test_it_always_ends_and_always_fits(uris: list[str], room: int) -> None:
    places = places_of(uris, room)
    assert sum(len(json.dumps(place)) + 2 for place in places) <= room
    assert list(places) == sorted(set(places))


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("file:///data/a%20b.md", "file", "/data/a b.md"),
        ("file://host/data/a.md", "file://host", "/data/a.md"),
        ("s3://bucket/folder/a.md", "s3://bucket", "folder/a.md"),
        ("s3a://bucket/folder", "s3://bucket", "folder"),
        ("s3://bucket/what#ever?a", "s3://bucket", "what#ever?a"),
        ("gcs://bucket", "gs://bucket", "/"),
        ("https://example.org:8000/raw/b.txt", "https://example.org:8000", "raw/b.txt"),
        ("xai://collections/collection_1", "xai://collections", "collection_1"),
    ],
)
def test_names_follow_openlineage(uri: str, namespace: str, name: str) -> None:
    assert dataset_name(uri) == (namespace, name)


def test_what_is_no_uri_is_no_dataset() -> None:
    assert dataset_name("chapter 1") is None
