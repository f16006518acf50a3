"""The connections of a hook: opened when they are needed, closed when it is closed."""

from __future__ import annotations

import asyncio
import gc
import pickle
import warnings

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.api.flows import delete_collection
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAIInterruptedError,
    XAIServerError,
    XAITransportError,
)
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import API_KEY, Connect, RecordingEmulator

LIST = endpoints.LIST_COLLECTIONS.request()


def test_a_hook_closes_as_often_as_one_likes_and_opens_again(connection: str) -> None:
    hook = XAICollectionsHook(connection)
    hook.close()
    with hook:
        hook.list_collections()
        used = hook.client
    hook.close()
    assert hook.list_collections() == []
    assert hook.client is not used
    hook.close()


async def test_it_does_on_the_event_loop_too(connection: str) -> None:
    hook = XAICollectionsHook(connection)
    await hook.aclose()
    for _ in range(2):
        assert (await hook.arun(call(LIST))).items == ()
        await hook.aclose()
    await hook.aclose()


async def test_flows_at_the_same_time_leave_no_connection_open(hook: XAICollectionsHook) -> None:
    gc.collect()  # what another test left behind counts for that one
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        await asyncio.gather(*(hook.arun(call(LIST)) for _ in range(5)))
        await hook.aclose()
        gc.collect()
    assert list(map(str, left_open)) == []


async def test_a_cancelled_flow_leaves_a_hook_that_works(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    emulator.set_faults(FaultRule(nth=(1,), delay=1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hook.arun(call(LIST)), timeout=0.05)
    assert (await hook.arun(call(LIST))).items == ()
    await hook.aclose()


def test_a_hook_may_be_pickled_before_it_is_used(connection: str) -> None:
    hook = pickle.loads(pickle.dumps(XAICollectionsHook(connection)))
    assert hook.list_collections() == []
    hook.close()


def test_many_flows_run_side_by_side(hook: XAICollectionsHook) -> None:
    outcomes = dict(hook.run_many([call(LIST), delete_collection("collection_unknown")], concurrency=2))
    assert outcomes == {0: CollectionPage(), 1: False}


def test_a_connection_changed_after_the_first_call_counts_for_the_next_hook(
    connect: Connect, hook: XAICollectionsHook
) -> None:
    hook.list_files()
    connect(api_key="xai-another-key")
    hook.list_files()
    assert hook.client.settings.api.key == API_KEY
    with pytest.raises(XAIError, match="the key was refused"), XAICollectionsHook() as another:
        another.list_files()


def test_the_numbers_of_the_connection_count_for_each_call(connect: Connect, emulator: RecordingEmulator) -> None:
    connect(retry_attempts="1", request_timeout="0.2")
    emulator.set_faults(FaultRule(endpoint="list_files", status=503), FaultRule(endpoint="list_collections", delay=2.0))
    with XAICollectionsHook() as hook:
        with pytest.raises(XAIServerError):
            hook.list_files()
        with pytest.raises(XAITransportError, match=r"Nothing came for 0\.2 s"):
            hook.list_collections()
    assert emulator.counts == {"list_files": 1, "list_collections": 1}


def test_a_hook_that_is_cancelled_sends_nothing_more(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    hook.check_cancelled()
    hook.cancel()
    with pytest.raises(XAIInterruptedError):
        hook.list_collections()
    with pytest.raises(XAIInterruptedError):
        hook.check_cancelled()
    assert not emulator.requests
