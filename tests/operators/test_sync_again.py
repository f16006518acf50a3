"""XAISyncCollectionOperator on a collection it has filled before: versions take turns, and no search meets a hole."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from tests.conftest import playing
from tests.operators.stage import Xai, write
from tests.operators.syncs import LIBRARY, contents, counts, only_id, sync

SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
EDITED = {**LIBRARY, "a.md": "alpha, second edition"}


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("a*",))])
def test_what_failed_before_is_uploaded_again_and_is_there_once(xai: Xai, folder: Path) -> None:
    assert counts(sync(folder, max_failed=1)) == {"documents": 3, "added": 3, "failed": 1}
    again = {"documents": 3, "fixed": 1, "kept": 2, "outdated_removed": 1, "failed": 1}
    assert counts(sync(folder, max_failed=1)) == again
    assert xai.names(only_id(xai)) == list(LIBRARY)
    assert xai.unattached(only_id(xai)) == []


def test_content_that_comes_back_is_a_version_of_its_own(xai: Xai, folder: Path) -> None:
    for content in ("first", "second", "first"):
        write(folder, {"a.md": content})
        sync(folder)
    assert contents(xai, only_id(xai)) == {**LIBRARY, "a.md": "first"}


@SLOW
def test_an_old_version_stays_when_nobody_can_tell_how_far_the_new_one_is(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, EDITED)
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    with pytest.raises(XAIFailException, match="403"):
        sync(folder)
    assert xai.names(whales) == ["a.md", *LIBRARY]


def test_an_old_version_stays_while_new_ones_cannot_be_indexed(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    for broken in (b"\xff\xfe broken", b"\xff\xfe broken again"):
        write(folder, {"a.md": broken})
        with pytest.raises(XAIIndexingError, match=r"1 of 3 documents .*: a\.md: "):
            sync(folder)
        assert contents(xai, whales) == LIBRARY
        assert len(xai.names(whales)) == 3 + 1, "a version that failed goes before the next one is uploaded"
    write(folder, {"a.md": "alpha, at last"})
    assert counts(sync(folder)) == {"documents": 3, "replaced": 1, "kept": 2, "outdated_removed": 2}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, at last"}
    assert len(xai.names(whales)) == 3
    assert xai.unattached(whales) == []


def test_without_waiting_what_is_missing_is_removed_at_once(xai: Xai, folder: Path) -> None:
    sync(folder)
    (folder / "a.md").unlink()
    manifest = sync(folder, wait_for_completion=False, prune=True, max_prune=1)
    assert counts(manifest) == {"documents": 2, "kept": 2, "removed": 1}
