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
        pytest.param("http://api.x.ai", id="not encrypted"),
        pytest.param("http://localhost.example.com", id="a name that begins with one of this machine"),
        pytest.param("http://localhost@example.com", id="this machine as a user"),
        pytest.param("api.x.ai", id="no scheme"),
        pytest.param("localhost:8080", id="a port and no scheme"),
        pytest.param("//localhost", id="no scheme before the host"),
        pytest.param("https://", id="no host"),
        pytest.param("", id="nothing"),
        pytest.param("https://api.x.ai:port", id="a port that is no number"),
        pytest.param("https://api.x.ai?a=b", id="a query"),
        pytest.param("https://api.x.ai#a", id="a fragment"),
        pytest.param("https://api.x.ai%2f.example.com", id="a quoted slash"),
        pytest.param("https://api.x.ai example.com", id="a blank"),
        pytest.param("https://user:pass@api.x.ai", id="a password"),
        pytest.param("http://pass@a@b", id="two users"),
        pytest.param("user:pass@x", id="a password without scheme"),
    ],
)
def test_a_key_goes_nowhere_else(url: str) -> None:
    with pytest.raises(XAIArgumentError, match=r"only sent over https, .*Write it as https://name\[:port\]$") as caught:
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


def test_a_missing_key_is_named_as_xai_names_it() -> None:
    assert [ClientSettings().missing_key(host) for host in Host] == [
        "configure the management key",
        "configure the API key",
    ]
