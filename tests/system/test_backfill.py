"""Backfills of days: runs in parallel, one collection, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from blake3 import blake3

from tests.system.scenarios.backfill import CHANGED, DAYS, Backfilled, Backfills


@pytest.mark.parametrize("which", ["first", "again", "changed"])
def test_every_day_is_green(backfills: Backfills, which: str) -> None:
    ended: Backfilled = getattr(backfills, which)
    assert ended.states == {"success": len(DAYS)}, ended.story


def test_runs_in_parallel_make_one_collection(backfills: Backfills) -> None:
    assert backfills.collections == 1


def test_the_collection_holds_all_days(backfills: Backfills) -> None:
    assert backfills.first.changes == {"upload_document": 2 * len(DAYS)}
    assert backfills.first.documents == 2 * len(DAYS)


def test_the_same_days_again_change_nothing(backfills: Backfills) -> None:
    assert not backfills.again.changes
    assert backfills.again.contents == backfills.first.contents


def test_one_changed_file_replaces_one_document(backfills: Backfills) -> None:
    # The old version goes with its file: no other request is about the collection.
    assert backfills.changed.changes == {"upload_document": 1}
    assert backfills.changed.documents == 2 * len(DAYS)
    assert {uri for uri, content in backfills.changed.contents.items() if content != backfills.again.contents[uri]} == {
        (backfills.folder / CHANGED).as_uri()
    }


def test_and_then_each_document_is_as_its_file(backfills: Backfills) -> None:
    files: list[Path] = [path for path in backfills.folder.rglob("*.md") if path.is_file()]
    wanted = {path.as_uri(): blake3(path.read_bytes()).hexdigest() for path in files}
    assert backfills.changed.contents == wanted
