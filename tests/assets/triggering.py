"""Runs that asset events have triggered, in the objects of whichever Airflow is installed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import Asset

from tests.operators.stage import AIRFLOW_2

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def triggered_by(*assets: Asset, alias: str = "changed") -> dict[str, Any]:
    """Return the context of a task in a run that events of these assets triggered through an alias, oldest first.

    Each event says its number.
    """
    moments = [BEGAN + timedelta(seconds=number) for number in range(len(assets))]
    if AIRFLOW_2:
        dataset = import_module("airflow.models.dataset")
        events: dict[str, list[Any]] = {}
        for number, (asset, moment) in reversed(list(enumerate(zip(assets, moments, strict=True)))):
            event = dataset.DatasetEvent(extra={"n": number}, timestamp=moment, dataset=dataset.DatasetModel(asset.uri))
            events.setdefault(asset.uri, []).append(event)
        run = SimpleNamespace(run_type="dataset_triggered")
        return {"dag_run": run, "triggering_dataset_events": events}
    comms = import_module("airflow.sdk.execution_time.comms")
    accessor = import_module("airflow.sdk.execution_time.context").TriggeringAssetEventsAccessor
    told = [
        comms.AssetEventDagRunReferenceResult.model_validate(
            {
                "asset": {"name": asset.name, "uri": asset.uri, "extra": {}},
                "extra": {"n": number},
                "source_task_id": None,
                "source_dag_id": None,
                "source_run_id": None,
                "source_map_index": None,
                "source_aliases": [{"name": alias}],
                "timestamp": moment,
            }
        )
        for number, (asset, moment) in enumerate(zip(assets, moments, strict=True))
    ]
    return {"triggering_asset_events": accessor.build(reversed(told))}
