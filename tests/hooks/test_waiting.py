"""The hook's wait for documents: what it returns, and what it logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api.polling import WaitEnd, WaitRules
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAINotFoundError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator, playing

from .asking import add_document

#: Polls follow each other at once.
BRISK = timedelta(microseconds=1)


@pytest.fixture
def collection_id(hook: XAICollectionsHook) -> str:
    return hook.create_collection(collection_name="Whales").collection_id


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:1", fail_names=("bad*",))])
def test_each_document_ends_in_one_group(hook: XAICollectionsHook, collection_id: str, tmp_path: Path) -> None:
    good, bad = (add_document(hook, tmp_path, collection_id, name) for name in ("good.txt", "bad.txt"))
    result = hook.wait_for_documents(collection_id=collection_id, file_ids=[good, bad], poll_interval=BRISK)
    assert result.end is WaitEnd.SETTLED
    assert result.processed == (good,)
    assert [(failed.file_id, failed.name) for failed in result.failed] == [(bad, "bad.txt")]
    assert "fail_names" in result.failed[0].reason


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("*",))])
def test_the_wait_ends_in_time_and_says_what_is_missing(
    hook: XAICollectionsHook, collection_id: str, tmp_path: Path
) -> None:
    file_id = add_document(hook, tmp_path, collection_id, "stuck.txt")
    result = hook.wait_for_documents(
        collection_id=collection_id, file_ids=[file_id], timeout=timedelta(milliseconds=1), poll_interval=BRISK
    )
    assert (result.end, result.pending) == (WaitEnd.TIMED_OUT, (file_id,))


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
def test_without_ids_the_wait_is_for_what_is_not_processed_and_matches(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path
) -> None:
    old = add_document(hook, tmp_path, collection_id, "old.txt", shelf="1")
    hook.wait_for_documents(collection_id=collection_id, file_ids=[old], poll_interval=BRISK)
    new = add_document(hook, tmp_path, collection_id, "new.txt", shelf="1")
    add_document(hook, tmp_path, collection_id, "elsewhere.txt", shelf="2")
    result = hook.wait_for_documents(collection_id=collection_id, filter='fields.shelf:"1"', poll_interval=BRISK)
    assert (result.processed, result.total) == ((new,), 1)


def test_a_wait_for_nothing_is_over(hook: XAICollectionsHook, collection_id: str) -> None:
    assert hook.wait_for_documents(collection_id=collection_id).end is WaitEnd.SETTLED
    assert hook.wait_for_documents(collection_id=collection_id, file_ids=[]).total == 0


def test_a_wait_on_a_collection_that_is_not_there_fails_at_once(hook: XAICollectionsHook) -> None:
    with pytest.raises(XAINotFoundError, match="get_collection\\(collection_1\\): does not exist"):
        hook.wait_for_documents(collection_id="collection_1", file_ids=["file_1"])


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
@pytest.mark.parametrize("value", [0, -1, timedelta(0), "60"])
def test_a_limit_is_a_duration_above_zero(
    hook: XAICollectionsHook, emulator: RecordingEmulator, name: str, value: Any
) -> None:
    with pytest.raises(XAIArgumentError, match=f"{name} is .* must be a timedelta or a number of seconds above 0"):
        hook.wait_for_documents(collection_id="collection_1", **{name: value})
    assert not emulator.requests


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2", unknown_status_word="DREAMING")])
def test_progress_is_logged(
    hook: XAICollectionsHook, collection_id: str, tmp_path: Path, logged: Callable[[], str]
) -> None:
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt")
    hook.wait_for_documents(collection_id=collection_id, file_ids=[file_id], poll_interval=BRISK)
    text = logged()
    assert f"{collection_id}: 0 documents processed, 1 to go" in text
    assert "xAI reports a status this provider does not know (DREAMING): still waiting" in text


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:1")])
def test_the_wait_is_a_flow_for_the_event_loop_too(
    hook: XAICollectionsHook, collection_id: str, tmp_path: Path
) -> None:
    file_ids = [add_document(hook, tmp_path, collection_id, name) for name in ("a.txt", "b.txt")]

    async def wait() -> Any:
        try:
            return await hook.arun(hook.waiting(collection_id, file_ids, WaitRules(poll_interval=1e-6)))
        finally:
            await hook.aclose()

    assert asyncio.run(wait()).processed == tuple(file_ids)
