"""Events that triggered a run, as a task reads them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.assets.events import TriggeringEvent, triggering_collections, triggering_events
from tests.assets.triggering import triggered_by
from tests.operators.stage import AIRFLOW_2

WHALES, OTHERS = create_asset(collection_id="collection_1"), create_asset(collection_id="collection_2")
FILES = Asset(uri="file:///documents")


def test_each_event_is_read_once_and_the_oldest_first() -> None:
    assert triggering_events(triggered_by(WHALES, FILES, WHALES)) == [
        TriggeringEvent("xai://collections/collection_1", {"n": 0}),
        TriggeringEvent("file:///documents", {"n": 1}),
        TriggeringEvent("xai://collections/collection_1", {"n": 2}),
    ]


def test_collections_are_named_once_and_other_assets_are_none() -> None:
    assert triggering_collections(triggered_by(OTHERS, FILES, WHALES, OTHERS)) == ["collection_2", "collection_1"]


def started_by_hand() -> dict[str, Any]:
    """Return the context of a run that no event triggered.

    On Airflow 2 the events must not even be read: in a run of `airflow dags test` that fails.
    """
    return {"dag_run": SimpleNamespace(run_type="manual")} if AIRFLOW_2 else triggered_by()


@pytest.mark.parametrize("read", [triggering_events, triggering_collections])
def test_a_run_that_a_user_started_has_no_events(read: Any) -> None:
    assert read(started_by_hand()) == []
