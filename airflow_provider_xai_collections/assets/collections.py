"""A collection as an Airflow asset: ``xai://collections/<collection_id>``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult

from airflow.providers.common.compat.sdk import Asset, AssetAlias, Context

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset

SCHEME = "xai"
_AUTHORITY = "collections"
#: Where the URI of each collection begins; its id follows.
URI_PREFIX = f"{SCHEME}://{_AUTHORITY}/"


def create_asset(*, collection_id: str, extra: dict[str, Any] | None = None) -> Asset:
    """Return the asset of a collection, for ``outlets`` and schedules.

    :param collection_id: the collection.
    :param extra: what the asset itself says, whatever its events say.
    """
    return Asset(uri=f"{URI_PREFIX}{collection_id}", extra=extra or {})


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check a ``xai://`` URI, for Airflow: a ``ValueError`` if it does not name a collection."""
    collection_id = uri.path.strip("/")
    if uri.netloc != _AUTHORITY or not collection_id or "/" in collection_id or uri.query:
        raise ValueError(f"{uri.geturl()!r} is not the URI of a collection, {URI_PREFIX}<collection_id>")
    return uri._replace(path=f"/{collection_id}")


def matching_outlets(outlets: Iterable[Any], collection_id: str, *, aliases: bool = True) -> list[Any]:
    """Return the outlets of a task for an event of the collection: its asset and, if wanted, each alias."""
    asset = create_asset(collection_id=collection_id)
    return [
        outlet
        for outlet in outlets
        if (isinstance(outlet, AssetAlias) and aliases) or (isinstance(outlet, Asset) and outlet.uri == asset.uri)
    ]


def emit(context: Context, outlets: Iterable[Any], collection_id: str, extra: Mapping[str, Any]) -> None:
    """Emit an asset event of the collection, with this extra, through :func:`matching_outlets`."""
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(create_asset(collection_id=collection_id), extra=_hashable(extra))
        else:
            context["outlet_events"][outlet].extra.update(extra)


class _HashableDict(dict[str, Any]):
    """A dictionary that may be in a set, by its text."""

    def __hash__(self) -> int:  # type: ignore[override]  # dictionaries have none, because they may change
        return hash(json.dumps(self, sort_keys=True))


def _hashable(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Make the extra hashable: Airflow 2 puts that of an alias into a set, and fails the finished task otherwise."""
    return {name: _HashableDict(value) if isinstance(value, dict) else value for name, value in extra.items()}


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Dataset:
    """Return a collection as a dataset of OpenLineage: namespace ``xai://collections``, name its id."""
    from airflow_provider_xai_collections.lineage.openlineage import dataset_of

    return dataset_of(asset.uri)
