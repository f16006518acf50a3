"""The hook's wait for documents: what it returns, and what it logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_xai_collections.api.polling import WaitEnd
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator, playing

from .conftest import add_document

#: Polls follow each other at once.
BRISK = timedelta(microseconds=1)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:1", fail_names=("bad*",))])
def test_each_document_ends_in_one_group(hook: XAICollectionsHook, whales: str, tmp_path: Path) -> None:
    good, bad = (add_document(hook, tmp_path, whales, name) for name in ("good.txt", "bad.txt"))
    result = hook.wait_for_documents(collection_id=whales, file_ids=[good, bad], poll_interval=BRISK)
    assert result.end is WaitEnd.SETTLED
    assert result.processed == (good,)
    assert [(failed.file_id, failed.name) for failed in result.failed] == [(bad, "bad.txt")]
    assert "fail_names" in result.failed[0].reason


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("*",))])
def test_the_wait_ends_in_time_and_says_what_is_missing(hook: XAICollectionsHook, whales: str, tmp_path: Path) -> None:
    file_id = add_document(hook, tmp_path, whales, "stuck.txt")
    result = hook.wait_for_documents(
        collection_id=whales, file_ids=[file_id], timeout=timedelta(milliseconds=1), poll_interval=BRISK
    )
    assert (result.end, result.pending) == (WaitEnd.TIMED_OUT, (file_id,))


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
def test_without_ids_the_wait_is_for_what_is_not_processed_and_matches(
    hook: XAICollectionsHook, emulator: RecordingEmulator, whales: str, tmp_path: Path
) -> None:
    old = add_document(hook, tmp_path, whales, "old.txt", shelf="1")
    hook.wait_for_documents(collection_id=whales, file_ids=[old], poll_interval=BRISK)
    new = add_document(hook, tmp_path, whales, "new.txt", shelf="1")
    add_document(hook, tmp_path, whales, "elsewhere.txt", shelf="2")
    result = hook.wait_for_documents(collection_id=whales, filter='fields.shelf:"1"', poll_interval=BRISK)
    assert (result.processed, result.total) == ((new,), 1)


def test_a_wait_for_nothing_is_over(hook: XAICollectionsHook, whales: str) -> None:
    assert hook.wait_for_documents(collection_id=whales).end is WaitEnd.SETTLED
    assert hook.wait_for_documents(collection_id=whales, file_ids=[]).total == 0


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
def test_a_limit_is_a_duration_above_zero(hook: XAICollectionsHook, emulator: RecordingEmulator, name: str) -> None:
    with pytest.raises(XAIArgumentError, match=f"{name} is .* must be a timedelta or a number of seconds above 0"):
        hook.wait_for_documents(collection_id="collection_1", **{name: timedelta(0)})  # type: ignore[arg-type]
    assert not emulator.requests


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2", unknown_status_word="DREAMING")])
def test_progress_is_logged(hook: XAICollectionsHook, whales: str, tmp_path: Path, logged: Callable[[], str]) -> None:
    file_id = add_document(hook, tmp_path, whales, "moby.txt")
    hook.wait_for_documents(collection_id=whales, file_ids=[file_id], poll_interval=BRISK)
    text = logged()
    assert f"{whales}: indexing, 0 of 1 document done, 1 to go" in text
    assert "xAI reports a status this provider does not know (DREAMING): still waiting" in text
