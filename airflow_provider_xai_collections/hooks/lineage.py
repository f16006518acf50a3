"""What the hook tells those who collect lineage, such as OpenLineage: the file it read, the collection it added to."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.sources.paths import AnyPath, as_path, uri_of

#: Files that are told of. Airflow 3 has such a limit of its own, Airflow 2 has none.
CAP = 100


def was_read(hook: Any, path: AnyPath) -> None:
    """The file was uploaded."""
    collector = get_hook_lineage_collector()
    if len(collector.collected_assets.inputs) >= CAP:
        return
    try:
        collector.add_input_asset(context=hook, uri=_as_airflow_writes_it(uri_of(as_path(path))))
    except ValueError as error:
        hook.log.debug("Airflow takes no such asset, so this upload is in no lineage: %s", error)


def was_added_to(hook: Any, collection_id: str) -> None:
    """A document was added to the collection."""
    get_hook_lineage_collector().add_output_asset(context=hook, uri=create_asset(collection_id=collection_id).uri)


def _as_airflow_writes_it(uri: str) -> str:
    """The name as it is, but for what would end it: so other hooks write it, and so OpenLineage's provider takes it."""
    name = unquote(uri) if uri.startswith("file:") else uri
    return name.replace("?", "%3F").replace("#", "%23")
