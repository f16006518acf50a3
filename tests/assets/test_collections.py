"""Collections as assets: their URIs, and their events."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import Asset, AssetAlias

from airflow_provider_xai_collections.assets.collections import create_asset, emit, matching_outlets, sanitize_uri
from tests.operators.stage import AIRFLOW_2, accessors


def test_a_collection_has_a_uri() -> None:
    assert create_asset(collection_id="collection_1").uri == "xai://collections/collection_1"
    assert create_asset(collection_id="collection_1", extra={"team": "a"}).extra == {"team": "a"}


def test_a_trailing_slash_makes_no_other_asset() -> None:
    assert sanitize_uri(urlsplit("xai://collections/collection_1/")).geturl() == "xai://collections/collection_1"


@pytest.mark.parametrize(
    "uri",
    ["xai://collection_1", "xai://collections", "xai://collections/a/b", "xai://collections/a?b=c", "xai://files/a"],
)
def test_a_uri_that_names_no_collection_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"is not the URI of a collection, xai://collections/<collection_id>"):
        sanitize_uri(urlsplit(uri))


def test_airflow_checks_uris_with_our_sanitizer() -> None:
    message = "is not the URI of a collection"
    with pytest.warns(UserWarning, match=message) if AIRFLOW_2 else pytest.raises(ValueError, match=message):
        Asset("xai://collections/a/b")


def test_an_event_reaches_the_declared_asset_and_every_alias_and_nothing_else() -> None:
    ours, other, alias = create_asset(collection_id="c"), create_asset(collection_id="d"), AssetAlias("any collection")
    context: Any = {"outlet_events": accessors()}
    outlets = matching_outlets([ours, other, alias], "c")
    assert outlets == [ours, alias]
    emit(context, outlets, "c", {"added": 3})
    events = context["outlet_events"]
    assert events[ours].extra == {"added": 3}
    assert events[other].extra == {}
    (event,) = getattr(events[alias], "dataset_alias_events" if AIRFLOW_2 else "asset_alias_events")
    assert (event["extra"] if AIRFLOW_2 else event.extra) == {"added": 3}


def test_an_event_of_an_alias_may_hold_a_report() -> None:
    """Airflow 2 fails a task whose extra does not fit into a set."""
    context: Any = {"outlet_events": accessors()}
    alias = AssetAlias("any collection")
    extra = {"added": 3, "report": {"version": 1, "file_ids": ["file_1"]}}
    emit(context, [alias], "c", extra)
    (event,) = getattr(context["outlet_events"][alias], "dataset_alias_events" if AIRFLOW_2 else "asset_alias_events")
    told = event["extra"] if AIRFLOW_2 else event.extra
    again = dict(frozenset(told.items()))
    assert again == extra
    assert json.dumps(again, sort_keys=True) == json.dumps(extra, sort_keys=True)


def test_without_an_outlet_there_is_no_event() -> None:
    assert matching_outlets([], "c") == []
    assert matching_outlets([AssetAlias("any collection")], "c", aliases=False) == []
    ours = create_asset(collection_id="c")
    assert matching_outlets([ours], "c", aliases=False) == [ours]
