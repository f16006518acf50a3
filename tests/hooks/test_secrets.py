"""Keys stay in the connection: nothing that is printed, logged, raised or pickled shows one."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from functools import partial

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import settings_from
from tests.conftest import API_KEY, MANAGEMENT_KEY, RecordingEmulator


def hides_keys(text: str) -> bool:
    return MANAGEMENT_KEY not in text and API_KEY not in text


def test_no_object_shows_a_key(hook: XAICollectionsHook) -> None:
    hook.list_collections()
    assert MANAGEMENT_KEY in str(hook.client.settings.management.key), "the keys are there"
    settings = settings_from("c", host=None, port=None, password=MANAGEMENT_KEY, extra={"api_key": API_KEY})
    for thing in (hook, hook.client, hook.client.settings, hook.client.settings.api, settings):
        assert hides_keys(f"{thing!r} {thing}")


QUOTED = f"Incorrect API key provided: {API_KEY} ({MANAGEMENT_KEY})".encode()


@pytest.mark.parametrize(
    "fault",
    [
        FaultRule(status=400, body=QUOTED, content_type="text/plain"),
        FaultRule(cut="before"),
        FaultRule(body=f'{{"token": "{MANAGEMENT_KEY}", "{API_KEY}": 1}}'.encode()),
    ],
    ids=["an error quotes the keys", "there is no answer", "the answer is another one"],
)
def test_no_error_and_no_log_line_shows_a_key(
    hook: XAICollectionsHook,
    emulator: RecordingEmulator,
    logged: Callable[[], str],
    pauses: list[float],
    fault: FaultRule,
) -> None:
    emulator.set_faults(fault)
    for attempt in (hook.list_collections, hook.list_files, partial(hook.create_collection, collection_name="Whales")):
        with pytest.raises(XAIError) as caught:
            attempt()
        assert hides_keys("".join(traceback.format_exception(caught.value)))
        assert hides_keys(repr(pickle.loads(pickle.dumps(caught.value)).__dict__))
    assert hides_keys(hook.test_connection()[1])
    text = logged()
    assert "httpcore" in text, "the test sees what is logged"
    assert hides_keys(text)
