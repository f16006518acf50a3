"""A collection as an Airflow asset: ``xai://collections/<collection_id>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult

from airflow.providers.common.compat.sdk import Asset, AssetAlias, Context

SCHEME = "xai"
_AUTHORITY = "collections"


def create_asset(*, collection_id: str, extra: dict[str, Any] | None = None) -> Asset:
    """The asset of a collection, for ``outlets`` and schedules."""
    return Asset(uri=f"{SCHEME}://{_AUTHORITY}/{collection_id}", extra=extra or {})


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Airflow's check of a ``xai://`` URI.

    :raises ValueError: it does not name a collection.
    """
    collection_id = uri.path.strip("/")
    if uri.netloc != _AUTHORITY or not collection_id or "/" in collection_id or uri.query:
        raise ValueError(f"{uri.geturl()!r} is not the URI of a collection, {SCHEME}://{_AUTHORITY}/<collection_id>")
    return uri._replace(path=f"/{collection_id}")


def emit(context: Context, outlets: list[Any], collection_id: str, extra: Mapping[str, Any]) -> None:
    """Tell those who wait for the collection what a task did to it.

    Airflow drops events of assets that a task does not declare, so there is one for each outlet that is the
    collection's asset, and for each alias.
    """
    asset = create_asset(collection_id=collection_id)
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(asset, extra=dict(extra))
        elif isinstance(outlet, Asset) and outlet.uri == asset.uri:
            context["outlet_events"][outlet].extra.update(extra)
