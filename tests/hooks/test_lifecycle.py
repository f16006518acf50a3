"""The connections of a hook: opened when they are needed, closed when it is closed."""

from __future__ import annotations

import asyncio
import gc
import pickle
import warnings

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError, XAIInterruptedError, XAINotFoundError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import API_KEY, Connect, RecordingEmulator


def test_closing_twice_or_unused_is_harmless(connection: str) -> None:
    hook = XAICollectionsHook(connection)
    hook.close()
    hook.list_collections()
    hook.close()
    hook.close()


def test_a_closed_hook_opens_again(hook: XAICollectionsHook) -> None:
    hook.list_collections()
    first = hook.client
    hook.close()
    assert hook.list_collections() == []
    assert hook.client is not first


def test_a_hook_closes_at_the_end_of_its_block(connection: str) -> None:
    with XAICollectionsHook(connection) as hook:
        hook.list_collections()
        used = hook.client
    assert hook.client is not used


async def test_aclosing_twice_or_unused_is_harmless(connection: str) -> None:
    hook = XAICollectionsHook(connection)
    await hook.aclose()
    await hook.arun(call(endpoints.LIST_COLLECTIONS.request()))
    await hook.aclose()
    await hook.aclose()
    assert (await hook.arun(call(endpoints.LIST_COLLECTIONS.request()))).items == ()
    await hook.aclose()


async def test_flows_at_the_same_time_leave_no_connection_open(hook: XAICollectionsHook) -> None:
    gc.collect()  # what another test left behind counts for that one
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        await asyncio.gather(*(hook.arun(call(endpoints.LIST_COLLECTIONS.request())) for _ in range(5)))
        await hook.aclose()
        gc.collect()
    assert list(map(str, left_open)) == []


async def test_a_flow_that_fails_leaves_a_hook_that_works(hook: XAICollectionsHook) -> None:
    with pytest.raises(XAINotFoundError):
        await hook.arun(call(endpoints.GET_COLLECTION.request(collection_id="collection_1")))
    assert (await hook.arun(call(endpoints.LIST_COLLECTIONS.request()))).items == ()
    await hook.aclose()


async def test_a_cancelled_flow_leaves_a_hook_that_works(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    emulator.set_faults(FaultRule(nth=(1,), delay=1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hook.arun(call(endpoints.LIST_COLLECTIONS.request())), timeout=0.05)
    assert (await hook.arun(call(endpoints.LIST_COLLECTIONS.request()))).items == ()
    await hook.aclose()


def test_a_hook_may_be_pickled_before_it_is_used(connection: str) -> None:
    hook = pickle.loads(pickle.dumps(XAICollectionsHook(connection)))
    assert hook.list_collections() == []
    hook.close()


def test_many_flows_run_side_by_side_and_each_has_its_own_outcome(hook: XAICollectionsHook) -> None:
    made = [hook.create_collection(collection_name=name).collection_id for name in ("a", "b")]

    def name_of(collection_id: str) -> Flow[str]:
        collection = yield from call(endpoints.GET_COLLECTION.request(collection_id=collection_id))
        return collection.collection_name

    outcomes = dict(hook.run_many(map(name_of, [made[0], "collection_unknown", made[1]]), concurrency=2))
    assert (outcomes[0], outcomes[2]) == ("a", "b")
    assert isinstance(outcomes[1], XAINotFoundError)


def test_a_connection_changed_after_the_first_call_counts_for_the_next_hook(
    connect: Connect, hook: XAICollectionsHook
) -> None:
    hook.list_files()
    connect(api_key="xai-another-key")
    hook.list_files()
    assert hook.client.settings.api.key == API_KEY
    with pytest.raises(XAIError, match="the key was refused"), XAICollectionsHook() as another:
        another.list_files()


def test_a_hook_that_is_cancelled_sends_nothing_more(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    hook.check_cancelled()
    hook.cancel()
    with pytest.raises(XAIInterruptedError):
        hook.list_collections()
    with pytest.raises(XAIInterruptedError):
        hook.check_cancelled()
    assert not emulator.requests
