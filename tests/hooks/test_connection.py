"""The fields of an Airflow connection: what each does, and what the error says of one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAICredentialError,
    XAIServerError,
    XAITransportError,
)
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import EXTRAS, ConnectionSettings, settings_from
from tests.conftest import API_KEY, CONN_ID, MANAGEMENT_KEY, RecordingEmulator

from .asking import Ask, HookWith


def read(
    host: str | None = None, port: int | None = None, password: str | None = None, **extra: Any
) -> ConnectionSettings:
    return settings_from("my_xai", host=host, port=port, password=password, extra=extra)


def test_an_empty_connection_means_xai_itself_without_keys() -> None:
    settings = read().settings
    assert settings.management == ClientSettings().management
    assert settings.api == ClientSettings().api
    assert settings.request_timeout == ClientSettings().request_timeout
    assert settings.retries == ClientSettings().retries
    assert read().team_id is None


def test_empty_fields_of_the_form_count_as_absent() -> None:
    assert read(host="", port=None, password="", **dict.fromkeys(EXTRAS, "")).settings.api == ClientSettings().api
    assert (
        read(host=" ", port=0, password=" ", **dict.fromkeys(EXTRAS)).settings.management == ClientSettings().management
    )


def test_each_key_belongs_to_its_service() -> None:
    settings = read(password=f" {MANAGEMENT_KEY}\n", api_key=f"{API_KEY} ").settings
    assert settings.management.key == MANAGEMENT_KEY, "what was pasted around it is cut off"
    assert settings.api.key == API_KEY


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("xai.example", None, "https://xai.example"),
        ("xai.example:8443", None, "https://xai.example:8443"),
        ("xai.example", 8443, "https://xai.example:8443"),
        ("https://xai.example", 8443, "https://xai.example:8443"),
        ("https://xai.example/", 8443, "https://xai.example:8443/"),
        ("https://gate.example/xai", 8443, "https://gate.example:8443/xai"),
        ("https://xai.example:9443", 8443, "https://xai.example:9443"),
        ("http://127.0.0.1", 9000, "http://127.0.0.1:9000"),
        ("http://[::1]", 9000, "http://[::1]:9000"),
    ],
)
def test_a_host_is_a_name_or_an_address_with_or_without_port(host: str, port: int | None, url: str) -> None:
    assert read(host=host, port=port).settings.management.url == url


def test_the_api_host_is_read_as_the_host_is() -> None:
    assert read(api_host="api.example:8443", port=9).settings.api.url == "https://api.example:8443"


@pytest.mark.parametrize("field", ["host", "api_host"])
@pytest.mark.parametrize("host", ["http://xai.example", "https://xai.example:http", "ftp://127.0.0.1", "https://"])
def test_a_host_that_must_not_get_a_key_is_refused_by_the_name_of_the_connection(field: str, host: str) -> None:
    port = 8443 if field == "host" else None
    with pytest.raises(XAIArgumentError, match=r"connection 'my_xai': the host .* is refused: .*Write it as https://"):
        read(**{field: host}, port=port)


@pytest.mark.parametrize("name", ["request_timeout", "retry_attempts"])
@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", 0, True, {}])
def test_a_number_that_is_none_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(
        XAIArgumentError, match=f"connection 'my_xai': the extra \"{name}\" is .* must be a number above"
    ):
        read(**{name: value})


def test_there_are_no_half_attempts() -> None:
    with pytest.raises(
        XAIArgumentError, match=r'the extra "retry_attempts" is 2\.5; it must be a whole number above 0'
    ):
        read(retry_attempts="2.5")


def test_numbers_may_come_as_text_as_the_form_sends_them() -> None:
    settings = read(request_timeout="7.5", retry_attempts="3").settings
    assert (settings.request_timeout, settings.retries.attempts) == (7.5, 3)
    settings = read(request_timeout=7, retry_attempts=3).settings
    assert (settings.request_timeout, settings.retries.attempts) == (7.0, 3)


def test_nothing_is_looked_up_before_the_first_call() -> None:
    XAICollectionsHook("no_such_connection").close()


def test_retry_attempts_are_the_tries_of_one_call(
    hook_with: HookWith, emulator: RecordingEmulator, pauses: list[float], ask: Ask
) -> None:
    emulator.set_faults(FaultRule(status=503))
    with pytest.raises(XAIServerError):
        ask(hook_with(retry_attempts=1), endpoints.LIST_COLLECTIONS)
    assert emulator.count("list_collections") == 1
    with pytest.raises(XAIServerError):
        hook_with(retry_attempts="4").list_collections()
    assert emulator.count("list_collections") == 1 + 4
    assert len(pauses) == 3


def test_the_request_timeout_ends_an_exchange_that_says_nothing(
    hook_with: HookWith, emulator: RecordingEmulator, ask: Ask
) -> None:
    emulator.set_faults(FaultRule(delay=1))
    hook = hook_with(request_timeout="0.05", retry_attempts=1)
    with pytest.raises(
        XAITransportError, match=r"list_collections\(\): no usable answer from 127\.0\.0\.1:\d+ \(ReadTimeout"
    ):
        ask(hook, endpoints.LIST_COLLECTIONS)


def test_the_team_of_the_connection_is_sent_unless_the_call_names_another(
    hook_with: HookWith, emulator: RecordingEmulator
) -> None:
    hook = hook_with(team_id="team-7")
    assert hook.team_id == "team-7"
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    assert emulator.last_json["team_id"] == "team-7"
    document = {"collection_id": collection_id, "file_id": "file_1"}
    calls: list[tuple[Any, dict[str, Any]]] = [
        (hook.list_collections, {}),
        (hook.find_collections, {"collection_name": "Whales"}),
        (hook.ensure_collection, {"collection_name": "Whales"}),
        (hook.get_collection, {"collection_id": collection_id}),
        (hook.list_documents, {"collection_id": collection_id}),
        (hook.batch_get_documents, {"collection_id": collection_id, "file_ids": ["file_1"]}),
        (hook.remove_document, document),
        (hook.wait_for_documents, {"collection_id": collection_id}),
        (hook.delete_collection, {"collection_id": collection_id}),
    ]
    for method, params in calls:
        for given, sent in (({}, "team-7"), ({"team_id": "team-8"}, "team-8")):
            emulator.requests.clear()
            method(**params, **given)
            assert {dict(request.query)["team_id"] for request in emulator.requests} == {sent}, method.__name__


def test_a_connection_without_team_sends_none(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    assert hook.team_id is None
    hook.list_collections()
    assert "team_id" not in emulator.last_query


def test_a_missing_key_matters_to_the_calls_that_need_it(hook_with: HookWith, emulator: RecordingEmulator) -> None:
    hook = hook_with(api_key=None)
    assert hook.list_collections() == []
    with pytest.raises(XAICredentialError, match=r"list_files\(\): needs the API key; fill in the extra") as caught:
        hook.list_files()
    assert str(caught.value).endswith(f"""fill in the extra "api_key" (API key) of the connection '{CONN_ID}'""")
    hook = hook_with(password=None)
    assert hook.list_files() == []
    with pytest.raises(
        XAICredentialError,
        match=rf"needs the management key; fill in the password \(management key\) of the connection '{CONN_ID}'",
    ):
        hook.run(call(endpoints.GET_COLLECTION.request(collection_id="collection_1")))
    assert [entry.endpoint for entry in emulator.log] == ["list_collections", "list_files"], "nothing else was sent"
