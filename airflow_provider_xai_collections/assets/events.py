"""The asset events that triggered a run, read the same way on every Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_xai_collections.assets.collections import SCHEME


@dataclass(frozen=True, slots=True)
class TriggeringEvent:
    """An event of an asset.

    :param uri: of the asset.
    :param extra: what the task that made the event says.
    """

    uri: str
    extra: dict[str, Any]


def triggering_events(context: Mapping[str, Any]) -> list[TriggeringEvent]:
    """Return the events that triggered this run, oldest first; none if the clock or a user did.

    :param context: the task's: ``get_current_context()``, or the ``**context`` of a function that is a task.
    """
    by_asset = context.get("triggering_asset_events")
    if by_asset is None:  # Airflow 2, where to read them fails in a run that `airflow dags test` has made
        triggered = context["dag_run"].run_type == "dataset_triggered"
        by_asset = context["triggering_dataset_events"] if triggered else {}
    # An event that came through an alias is listed for the asset and for the alias.
    events = {id(event): event for several in by_asset.values() for event in several}
    in_order = sorted(events.values(), key=lambda event: event.timestamp)
    return [TriggeringEvent(_uri(event), dict(event.extra or {})) for event in in_order]


def triggering_collections(context: Mapping[str, Any]) -> list[str]:
    """Return the ids of the collections whose events triggered this run, each once; none if the clock or a user did.

    :param context: as of :func:`triggering_events`.
    """
    parts = [urlsplit(event.uri) for event in triggering_events(context)]
    return list(dict.fromkeys(uri.path.strip("/") for uri in parts if uri.scheme == SCHEME))


def _uri(event: Any) -> str:
    return str((event.asset if hasattr(event, "asset") else event.dataset).uri)
