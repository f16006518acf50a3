"""Metadata that Airflow reads about this provider without importing anything else of it."""

from __future__ import annotations

from typing import Any

_NAME = "xAI Collections"
_PACKAGE = "airflow_provider_xai_collections"

_ASSET_URIS = [
    {
        "schemes": ["xai"],
        "handler": f"{_PACKAGE}.assets.collections.sanitize_uri",
        "factory": f"{_PACKAGE}.assets.collections.create_asset",
        "to_openlineage_converter": f"{_PACKAGE}.assets.collections.convert_asset_to_openlineage",
    }
]


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, in the shape of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-xai-collections",
        "name": _NAME,
        "description": "Collections of documents that xAI chunks and indexes, and models search.",
        "integrations": [
            {
                "integration-name": _NAME,
                "external-doc-url": "https://docs.x.ai/docs/guides/using-collections",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.hooks.collections"]}],
        "operators": [
            {
                "integration-name": _NAME,
                "python-modules": [
                    f"{_PACKAGE}.operators.{module}"
                    for module in ("collections", "documents", "files", "ingest", "search", "sync", "sync_group")
                ],
            }
        ],
        "sensors": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.sensors.documents"]}],
        "triggers": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.triggers.documents"]}],
        "task-decorators": [
            {"name": "xai_ingest", "class-name": f"{_PACKAGE}.decorators.ingest.xai_ingest_task"},
        ],
        "asset-uris": _ASSET_URIS,
        "dataset-uris": _ASSET_URIS,  # what Airflow 2 calls them
        "cli": [f"{_PACKAGE}.cli.definition.get_cli_commands"],  # read from Airflow 3.2 on
        "extra-links": [f"{_PACKAGE}.links.collections.XAICollectionLink"],
        "connection-types": [
            {
                "connection-type": "xai_collections",
                "hook-class-name": f"{_PACKAGE}.hooks.collections.XAICollectionsHook",
                "hook-name": _NAME,
                "ui-field-behaviour": {
                    # Not the port: the UI of Airflow 3.3.1 and 3.3.2 tests only a stored connection that has one.
                    "hidden-fields": ["login", "schema", "extra"],
                    "relabeling": {
                        "password": "Management key",
                        "host": "Management host",
                        "port": "Management port",
                    },
                    "placeholders": {"host": "https://management-api.x.ai", "port": "443"},
                },
                "conn-fields": {
                    "api_key": _field(
                        "API key", "Uploads files and searches. Not the management key.", format="password"
                    ),
                    "api_host": _field("API host", "Empty for https://api.x.ai."),
                    "team_id": _field("Team", "Empty for the team of the key."),
                    "request_timeout": _field("Request time-out", "Seconds of silence in one exchange. Empty for 60."),
                    "retry_attempts": _field("Attempts", "Tries of one call, the first included. Empty for 6."),
                },
            }
        ],
    }


def _field(label: str, description: str, **schema: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}
