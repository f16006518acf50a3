"""Remove documents one by one, for the operators that do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.manifests.progress import Stage
from airflow_provider_xai_collections.manifests.results import RemovalManifest
from airflow_provider_xai_collections.operators.concurrency import run_concurrently
from airflow_provider_xai_collections.text import counted, printable


def remove_each(task: Any, removal: Removal, file_ids: Sequence[str]) -> RemovalManifest:
    """Remove the documents, ``concurrency`` at a time, and count.

    :param task: has ``hook``, ``concurrency``, ``collection_label``, ``progress`` and ``log``.
    :raises XAIError: as :func:`run_concurrently`.
    """
    flows = (removal.of(file_id) for file_id in file_ids)
    removed = run_concurrently(
        *(task.hook, file_ids, flows),
        concurrency=task.concurrency,
        what="removed",
        progress=task.progress,
        stage=Stage.REMOVING,
    )
    manifest = RemovalManifest(
        collection_id=removal.collection_id,
        total=len(file_ids),
        removed=sum(one.document for one in removed),
        missing=sum(not one.document for one in removed),
        files_deleted=sum(one.file for one in removed),
        files_kept=sum(one.file_kept for one in removed),
    )
    task.log.info(
        "%s: %s removed, %d not there, %s deleted",
        printable(task.collection_label),
        counted(manifest.removed, "document"),
        manifest.missing,
        counted(manifest.files_deleted, "file"),
    )
    if manifest.files_kept:
        task.log.warning("Attached elsewhere, so not deleted: %s", counted(manifest.files_kept, "file"))
    return manifest
