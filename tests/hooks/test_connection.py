"""The fields of an Airflow connection: what each does, and what the error says of one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
)
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import EXTRAS, ConnectionSettings, settings_from
from tests.conftest import API_KEY, MANAGEMENT_KEY


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
    if port is None:  # that field is of the other host
        assert read(api_host=host, port=9).settings.api.url == url


def test_a_host_that_is_none_is_refused_by_the_name_of_the_connection() -> None:
    with pytest.raises(XAIArgumentError, match=r"^connection 'my_xai': the host '.*:http' is refused"):
        read(host="https://xai.example:http", port=8443)


@pytest.mark.parametrize("name", ["request_timeout", "retry_attempts"])
@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", 0, True, {}])
def test_a_number_that_is_none_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=f"connection 'my_xai': the extra \"{name}\" is .* must be a number abo"):
        read(**{name: value})


def test_there_are_no_half_attempts() -> None:
    with pytest.raises(XAIArgumentError, match=r'the extra "retry_attempts" is 2\.5; it must be a whole number above'):
        read(retry_attempts="2.5")


def test_numbers_may_come_as_text_as_the_form_sends_them() -> None:
    settings = read(request_timeout="7.5", retry_attempts="3").settings
    assert (settings.request_timeout, settings.retries.attempts) == (7.5, 3)
    settings = read(request_timeout=7, retry_attempts=3).settings
    assert (settings.request_timeout, settings.retries.attempts) == (7.0, 3)


def test_nothing_is_looked_up_before_the_first_call() -> None:
    XAICollectionsHook("no_such_connection").close()
