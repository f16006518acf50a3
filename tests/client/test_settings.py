from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError


def test_the_two_services_are_where_xai_says() -> None:
    settings = ClientSettings()
    assert settings.service(Host.MANAGEMENT).url == "https://management-api.x.ai"
    assert settings.service(Host.API).url == "https://api.x.ai"
    assert settings.service(Host.API).key is None


@pytest.mark.parametrize(
    "url",
    [
        "https://api.x.ai",
        "https://gateway.example.com:8443/xai/",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:8080",
        "https://localhost",
    ],
)
def test_a_key_goes_over_https_or_to_this_machine(url: str) -> None:
    assert Service(url, "key").url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.x.ai",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "http://example.com\\@localhost",
        "ftp://localhost",
        "api.x.ai",
        "localhost:8080",
        "//localhost",
        "https://",
        "",
    ],
)
def test_a_key_goes_nowhere_else(url: str) -> None:
    with pytest.raises(XAIArgumentError, match="is refused: a key is only sent over https, or over http to 127"):
        Service(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://api.x.ai:port",
            "https://api.x.ai:99999",
            "https://[::1",
            "https://api.x.ai?a=b",
            "https://api.x.ai#a",
        ),
        *("https://api.x.ai\\.example.com", "https://api.x.ai%2f.example.com", "https://api.x.ai example.com"),
    ],
)
def test_an_address_that_cannot_be_called_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(XAIArgumentError, match=r"Write it as https://name\[:port\]"):
        Service(url)


@pytest.mark.parametrize(
    "url", ["https://user:pass@api.x.ai", "https://:pass@api.x.ai", "http://pass@a@b", "user:pass@x"]
)
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(XAIArgumentError) as caught:
        Service(url)
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["sec ret", "secret\n", "secret\r\nx-other: 1", "sécret", "secret\x00", " ", "\u200bsecret"]
)
def test_a_key_that_cannot_stand_in_a_header_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(XAIArgumentError, match=r"^the key for https://api\.x\.ai contains a blank, a line ") as caught:
        Service("https://api.x.ai", key)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("key", [None, "", "xai-abc_DEF-123", "plain"])
def test_a_key_may_be_absent_or_any_word(key: str | None) -> None:
    assert Service("https://api.x.ai", key).key == key


def test_settings_do_not_show_keys() -> None:
    settings = ClientSettings(
        management=Service("https://a.example", "secret-1"), api=Service("https://b.example", "secret-2")
    )
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "near"),
    [("http://127.0.0.1:1", True), ("http://[::1]", True), ("https://localhost", True), ("https://api.x.ai", False)],
)
def test_loopback_is_this_machine(url: str, near: bool) -> None:
    assert Service(url).is_loopback is near


def test_a_missing_key_is_named_as_xai_names_it() -> None:
    assert [ClientSettings().missing_key(host) for host in Host] == [
        "configure the management key",
        "configure the API key",
    ]
