"""The button "Test" of the connection form: it names the key that fails, and why."""

from __future__ import annotations

import re

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import API_KEY, CONN_ID, MANAGEMENT_KEY, RecordingEmulator, playing

from .conftest import HookWith

NO_MANAGEMENT_KEY = rf"not configured, .* the password \(management key\) of the connection '{CONN_ID}'"
NO_API_KEY = rf"""not configured, .*fill in the extra "api_key" \(API key\) of the connection '{CONN_ID}'"""
SWAPPED = ".*This call needs the {} key; check that it is valid and not swapped with the {} key.*"
REFUSED = r".*\(\): the key was refused \(40.*"
UNREACHABLE = r"validate_management_key\(\): no usable answer from 127\.0\.0\.1:1 \(ConnectError.*"


@pytest.mark.parametrize("emulator_settings", [playing(), playing(wrong_api_key_status=400)], ids=["401", "400"])
@pytest.mark.parametrize(
    ("changes", "management", "api"),
    [
        ({}, "works", "works"),
        ({"password": None}, NO_MANAGEMENT_KEY, "works"),
        ({"api_key": ""}, "works", NO_API_KEY),
        ({"password": None, "api_key": None}, NO_MANAGEMENT_KEY, NO_API_KEY),
        ({"password": "xai-token-wrong"}, REFUSED, "works"),
        ({"api_key": "xai-wrong-key"}, "works", REFUSED),
        (
            {"password": API_KEY, "api_key": MANAGEMENT_KEY},
            SWAPPED.format("management", "API"),
            SWAPPED.format("API", "management"),
        ),
        ({"host": "http://127.0.0.1:1"}, UNREACHABLE, "works"),
    ],
)
def test_each_key_is_tried_on_its_own(
    hook_with: HookWith, changes: dict[str, str | None], management: str, api: str
) -> None:
    well, message = hook_with(**changes).test_connection()
    assert re.fullmatch(rf"management key: {management}\. API key: {api}", message), message
    assert well is (management == api == "works")
    assert not [key for key in (API_KEY, MANAGEMENT_KEY, "xai-token-wrong", "xai-wrong-key") if key in message]


def test_a_service_that_fails_is_asked_once_because_somebody_is_waiting(
    hook: XAICollectionsHook, emulator: RecordingEmulator
) -> None:
    emulator.set_faults(FaultRule(endpoint="list_files", status=503))
    well, message = hook.test_connection()
    assert not well
    assert "management key: works. API key: list_files(): the service failed (503" in message
    assert emulator.count("list_files") == 1


def test_a_connection_that_cannot_be_used_is_said_once(hook_with: HookWith) -> None:
    assert hook_with(request_timeout="soon").test_connection() == (
        False,
        f"connection {CONN_ID!r}: the extra \"request_timeout\" is 'soon'; it must be a number above 0",
    )
