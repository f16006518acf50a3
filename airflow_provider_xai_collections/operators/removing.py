"""Remove documents one by one, for the operators that do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.manifests.results import RemovalManifest
from airflow_provider_xai_collections.operators.concurrency import run_concurrently
from airflow_provider_xai_collections.text import counted


def remove_each(
    hook: XAICollectionsHook, removal: Removal, file_ids: Sequence[str], *, concurrency: int, log: Any
) -> RemovalManifest:
    """Remove the documents, ``concurrency`` at a time, and count.

    :raises XAIError: as :func:`run_concurrently`.
    """
    flows = (removal.of(file_id) for file_id in file_ids)
    removed = run_concurrently(hook, file_ids, flows, concurrency=concurrency, what="removed", log=log)
    manifest = RemovalManifest(
        collection_id=removal.collection_id,
        total=len(file_ids),
        removed=sum(one.document for one in removed),
        missing=sum(not one.document for one in removed),
        files_deleted=sum(one.file for one in removed),
        files_kept=sum(one.file_kept for one in removed),
    )
    log.info(
        "%s: %s removed, %d not there, %s deleted",
        removal.collection_id,
        counted(manifest.removed, "document"),
        manifest.missing,
        counted(manifest.files_deleted, "file"),
    )
    if manifest.files_kept:
        log.warning("%d files stay, because they are attached elsewhere", manifest.files_kept)
    return manifest
