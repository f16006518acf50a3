"""Translation of an Airflow connection into the settings of a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError

#: Extras of the connection, read by name. Keep in step with ``conn-fields`` in ``get_provider_info``.
EXTRAS = ("api_key", "api_host", "team_id", "request_timeout", "retry_attempts")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Content of a connection: how to reach the services, and the team to act for."""

    settings: ClientSettings
    team_id: str | None


def settings_from(
    conn_id: str, *, host: str | None, port: int | None, password: str | None, extra: Mapping[str, Any]
) -> ConnectionSettings:
    """Read a connection: password is the management key, all else is in the extras. Errors name the field."""
    defaults = ClientSettings()
    try:
        settings = ClientSettings(
            management=Service(_url(host, port) or defaults.management.url, _text(password)),
            api=Service(_url(extra.get("api_host"), None) or defaults.api.url, _text(extra.get("api_key"))),
            request_timeout=_number(extra, "request_timeout", defaults.request_timeout),
            retries=RetryPolicy(attempts=_whole(extra, "retry_attempts", RetryPolicy().attempts)),
            origin=f"the connection {conn_id!r}",
            missing_key=lambda needed: f"fill in {_FIELD[needed]} of the connection {conn_id!r}",
        )
    except XAIArgumentError as error:
        raise XAIArgumentError(f"connection {conn_id!r}: {error}") from None
    return ConnectionSettings(settings, _text(extra.get("team_id")))


_FIELD = {Host.MANAGEMENT: "the password (management key)", Host.API: 'the extra "api_key" (API key)'}


def _url(host: Any, port: int | None) -> str | None:
    """Make an address of what people type: a bare name means https; a port in it wins over the field of that name."""
    text = _text(host)
    if text is None:
        return None
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        return url if parts.port or not port else parts._replace(netloc=f"{parts.netloc}:{port}").geturl()
    except ValueError:
        return url  # refused, with the reason, where it is used


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _number(extra: Mapping[str, Any], name: str, default: float) -> float:
    if (text := _text(extra.get(name))) is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (number > 0 and isfinite(number)):
        raise XAIArgumentError(f'the extra "{name}" is {text!r}; it must be a number above 0')
    return number


def _whole(extra: Mapping[str, Any], name: str, default: int) -> int:
    number = _number(extra, name, default)
    if number % 1:
        raise XAIArgumentError(f'the extra "{name}" is {number}; it must be a whole number above 0')
    return int(number)
