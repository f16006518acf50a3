"""What the operators that remove documents share: many of them side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_xai_collections.airflow_errors import FINAL
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.exceptions import XAIAuthError, XAICredentialError, XAIError, XAIRateLimitError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.progress import EVERY
from airflow_provider_xai_collections.manifests import RemovalManifest
from airflow_provider_xai_collections.verdicts import NAMED


def remove_each(
    hook: XAICollectionsHook, removal: Removal, file_ids: Sequence[str], *, concurrency: int, log: Any
) -> RemovalManifest:
    """Remove the documents, ``concurrency`` at a time, and count.

    One document's failure does not stop the others, but a refused key does.

    :raises XAIError: naming the documents that failed; of the failures' own class if a retry cannot mend any, and of
        that of a rate limit if one of them was.
    """
    removed = missing = files_deleted = files_kept = 0
    failures: dict[str, XAIError] = {}
    next_line = time.monotonic() + EVERY
    for position, outcome in hook.run_many((removal.of(file_id) for file_id in file_ids), concurrency=concurrency):
        if isinstance(outcome, XAIAuthError | XAICredentialError):
            raise outcome
        if isinstance(outcome, XAIError):
            failures[file_ids[position]] = outcome
        else:
            removed += outcome.document
            missing += not outcome.document
            files_deleted += outcome.file
            files_kept += outcome.file_kept
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + EVERY
            log.info("%d of %d documents done, %d failed", removed + missing, len(file_ids), len(failures))
    log.info(
        "%s: %d documents removed, %d were not there, %d files deleted, %d failed",
        removal.collection_id,
        removed,
        missing,
        files_deleted,
        len(failures),
    )
    if files_kept:
        log.warning("%d files stay, because they are attached elsewhere", files_kept)
    if failures:
        raise _together(failures, len(file_ids))
    return RemovalManifest(
        version=1,
        collection_id=removal.collection_id,
        total=len(file_ids),
        removed=removed,
        missing=missing,
        files_deleted=files_deleted,
        files_kept=files_kept,
    )


def _together(failures: dict[str, XAIError], total: int) -> XAIError:
    listed = "; ".join(f"{file_id}: {failure}" for file_id, failure in list(failures.items())[:NAMED])
    more = f"; and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
    final = all(isinstance(failure, FINAL) for failure in failures.values())
    limited = any(isinstance(failure, XAIRateLimitError) for failure in failures.values())
    kind = type(next(iter(failures.values()))) if final else XAIRateLimitError if limited else XAIError
    hint = "" if final else ". The others are gone, and a retry does only what is left"
    return kind(f"{len(failures)} of {total} documents could not be removed: {listed}{more}{hint}")
