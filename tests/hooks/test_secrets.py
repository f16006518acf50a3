"""Keys stay in the connection: nothing that is printed, logged, raised or pickled shows one."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import settings_from
from tests.conftest import API_KEY, MANAGEMENT_KEY, RecordingEmulator

from .asking import HookWith


def hides_keys(text: str) -> bool:
    return MANAGEMENT_KEY not in text and API_KEY not in text


def test_no_object_shows_a_key(hook: XAICollectionsHook) -> None:
    hook.list_collections()
    assert MANAGEMENT_KEY in str(hook.client.settings.management.key), "the keys are there"
    settings = settings_from("c", host=None, port=None, password=MANAGEMENT_KEY, extra={"api_key": API_KEY})
    for thing in (hook, hook.client, hook.client.settings, hook.client.settings.api, settings):
        assert hides_keys(f"{thing!r} {thing}")


@pytest.mark.parametrize("field", ["password", "api_key"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(hook_with: HookWith, field: str) -> None:
    broken = f"{MANAGEMENT_KEY}\n{API_KEY}"
    hook = hook_with(**{field: broken})
    with pytest.raises(XAIError, match="contains a blank, a line break or a character outside ASCII") as caught:
        hook.list_collections()
    assert hides_keys("".join(traceback.format_exception(caught.value)))


def fail_with_a_body_that_quotes_the_keys(emulator: RecordingEmulator) -> None:
    quoted = f"Incorrect API key provided: {API_KEY} ({MANAGEMENT_KEY})".encode()
    emulator.set_faults(FaultRule(status=400, body=quoted, content_type="text/plain"))


def fail_without_an_answer(emulator: RecordingEmulator) -> None:
    emulator.set_faults(FaultRule(cut="before"))


def succeed_with_what_is_no_answer(emulator: RecordingEmulator) -> None:
    emulator.set_faults(FaultRule(body=f'{{"token": "{MANAGEMENT_KEY}", "{API_KEY}": 1}}'.encode()))


@pytest.mark.parametrize(
    "failing", [fail_with_a_body_that_quotes_the_keys, fail_without_an_answer, succeed_with_what_is_no_answer]
)
def test_no_error_and_no_log_line_shows_a_key(
    hook_with: HookWith,
    emulator: RecordingEmulator,
    logged: Callable[[], str],
    pauses: list[float],
    failing: Callable[[RecordingEmulator], None],
) -> None:
    failing(emulator)
    hook = hook_with()
    calls: tuple[Callable[[], object], ...] = (
        hook.list_collections,
        hook.list_files,
        lambda: hook.create_collection(collection_name="Whales"),
    )
    for attempt in calls:
        with pytest.raises(XAIError) as caught:
            attempt()
        assert hides_keys("".join(traceback.format_exception(caught.value)))
        assert hides_keys(repr(pickle.loads(pickle.dumps(caught.value)).__dict__))
    assert hides_keys(hook.test_connection()[1])
    text = logged()
    assert "httpcore" in text, "the test sees what is logged"
    assert hides_keys(text)


def test_each_service_gets_its_own_key_only(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    hook.list_collections()
    hook.list_files()
    management, api = emulator.requests
    assert management.host is not api.host
    assert management.headers["authorization"] == f"Bearer {MANAGEMENT_KEY}"
    assert api.headers["authorization"] == f"Bearer {API_KEY}"
    assert API_KEY not in str(management.headers) + str(management.query)
    assert MANAGEMENT_KEY not in str(api.headers) + str(api.query)
