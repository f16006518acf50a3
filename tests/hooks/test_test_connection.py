"""The button "Test" of the connection form: it names the key that fails, and why."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import API_KEY, MANAGEMENT_KEY, RecordingEmulator, playing

from .asking import HookWith


def test_keys_that_work(hook: XAICollectionsHook) -> None:
    assert hook.test_connection() == (True, "management key: works. API key: works")


def test_a_key_that_is_missing(hook_with: HookWith) -> None:
    well, message = hook_with(password=None).test_connection()
    assert not well
    assert message.startswith("management key: not configured, ")
    assert "fill in the password (management key)" in message
    assert message.endswith("API key: works")
    well, message = hook_with(api_key="").test_connection()
    assert not well
    assert message.startswith("management key: works. API key: not configured, ")
    assert 'fill in the extra "api_key"' in message


def test_no_key_at_all(hook_with: HookWith, emulator: RecordingEmulator) -> None:
    well, message = hook_with(password=None, api_key=None).test_connection()
    assert not well
    assert message.count("not configured") == 2
    assert not emulator.requests


def test_a_wrong_management_key(hook_with: HookWith) -> None:
    well, message = hook_with(password="xai-token-wrong").test_connection()
    assert not well
    assert "management key: validate_management_key(): the key was refused (401" in message
    assert message.endswith("API key: works")


@pytest.mark.parametrize("emulator_settings", [playing(), playing(wrong_api_key_status=400)])
def test_a_wrong_api_key(hook_with: HookWith) -> None:
    well, message = hook_with(api_key="xai-wrong-key").test_connection()
    assert not well
    assert message.startswith("management key: works. API key: list_files(): the key was refused (40")
    assert "xai-wrong-key" not in message


def test_swapped_keys(hook_with: HookWith) -> None:
    well, message = hook_with(password=API_KEY, api_key=MANAGEMENT_KEY).test_connection()
    assert not well
    assert "This call needs the management key; check that it is valid and not swapped with the API key" in message
    assert "This call needs the API key; check that it is valid and not swapped with the management key" in message
    assert API_KEY not in message
    assert MANAGEMENT_KEY not in message


def test_a_service_that_fails_is_asked_once_because_somebody_is_waiting(
    hook: XAICollectionsHook, emulator: RecordingEmulator
) -> None:
    emulator.set_faults(FaultRule(endpoint="list_files", status=503))
    well, message = hook.test_connection()
    assert not well
    assert "management key: works. API key: list_files(): the service failed (503" in message
    assert emulator.count("list_files") == 1


def test_a_service_that_is_not_there(hook_with: HookWith) -> None:
    well, message = hook_with(host="http://127.0.0.1:1").test_connection()
    assert not well
    assert "management key: validate_management_key(): no usable answer from 127.0.0.1:1 (ConnectError" in message
    assert message.endswith("API key: works")


def test_a_connection_that_cannot_be_used_is_said_once(hook_with: HookWith) -> None:
    hook = hook_with(request_timeout="soon")
    assert hook.test_connection() == (
        False,
        "connection 'xai_collections_default': the extra \"request_timeout\" is 'soon'; it must be a number above 0",
    )
