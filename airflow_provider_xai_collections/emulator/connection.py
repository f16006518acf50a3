"""The Airflow connection that leads to a running emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_xai_collections.emulator.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_xai_collections.emulator.server import ServerUrls

#: The connection that the hook and all operators take unless told otherwise.
CONN_ID = "xai_collections_default"


def variable_of(conn_id: str) -> str:
    """Return the environment variable in which Airflow looks for a connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def connection_to(urls: ServerUrls, settings: Settings) -> dict[str, Any]:
    """Return the fields of a connection, as Airflow reads them from JSON."""
    return {
        "conn_type": "xai_collections",
        "host": urls.management_url,
        "password": settings.management_key,
        "extra": {"api_key": settings.api_key, "api_host": urls.api_url},
    }
