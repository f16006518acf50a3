"""Lineage of the hook, for collectors such as OpenLineage: the file it read, the collection it added to."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.sources.paths import AnyPath, as_path, uri_of

#: Files that are recorded. Airflow 3 has such a limit of its own, Airflow 2 has none.
MAX_INPUTS = 100


def record_input(hook: Any, path: AnyPath) -> None:
    """Record that the file was uploaded."""
    collector = get_hook_lineage_collector()
    if len(collector.collected_assets.inputs) >= MAX_INPUTS:
        return
    try:
        collector.add_input_asset(context=hook, uri=_as_airflow_writes_it(uri_of(as_path(path))))
    except ValueError as error:
        hook.log.debug("Airflow takes no such asset, so this upload is in no lineage: %s", error)


def record_output(hook: Any, collection_id: str) -> None:
    """Record that a document was added to the collection."""
    get_hook_lineage_collector().add_output_asset(context=hook, uri=create_asset(collection_id=collection_id).uri)


def _as_airflow_writes_it(uri: str) -> str:
    """Unquote a name, but for what would end it: so other hooks write it, and OpenLineage's provider reads it."""
    name = unquote(uri) if uri.startswith("file:") else uri
    return name.replace("?", "%3F").replace("#", "%23")
