"""Uploads of a sync that were cut off before they were attached: found by name and size, and deleted."""

from __future__ import annotations

import time
from collections.abc import Set
from typing import Any

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.api.ingestion import Target
from airflow_provider_xai_collections.api.orphans import find_orphans, remove_orphans
from airflow_provider_xai_collections.api.sync_plan import SyncPlan
from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.exceptions import XAIError, XAIInterruptedError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.manifests.sync import SyncManifest
from airflow_provider_xai_collections.waits.verdicts import some_of

#: Seconds for which an upload that was cut off is looked for: a team may have very many files.
REMEMBERED = 7 * 86_400.0


def delete_orphans(
    hook: XAICollectionsHook,
    context: Context,
    plan: SyncPlan,
    target: Target,
    manifest: SyncManifest,
    *,
    known: Set[str],
    orphan_age: Duration | None,
    log: Any,
) -> SyncManifest:
    """Delete uploads that were cut off before they were attached, if there may be any.

    :param known: files that are attached.
    :param orphan_age: delete those that are older; ``None`` looks for none.
    :returns: the manifest, which tells.
    """
    cut_off = manifest.possible_orphans or context["ti"].try_number > 1
    went_direct = target.way.is_direct and not manifest.possible_orphans
    if orphan_age is None or not cut_off or went_direct:
        return manifest
    uploads: dict[str, set[int]] = {}
    for step in plan.steps:
        uploads.setdefault(step.name, set()).add(step.size)
    now = time.time()
    search = find_orphans(uploads, known=known, since=_began(context, now), until=now, team_id=target.team_id)
    old_before = now - seconds("orphan_age", orphan_age)
    try:
        found = hook.run(search)
        old = [file for file in found if file.created_at and file.created_at.timestamp() <= old_before]
        removed = hook.run(remove_orphans(old))
    except XAIInterruptedError:
        raise
    except XAIError as error:
        # The documents are in place, which is what counts.
        log.warning("Uploads that were cut off could not be looked for, and may stay in Files: %s", error)
        return manifest
    if removed.deleted:
        log.info("%d files of uploads that were cut off are deleted", removed.deleted)
    if removed.error is not None:
        log.warning("Not all files of uploads that were cut off could be deleted: %s", removed.error)
    if young := [file.id for file in found if file not in old]:
        log.warning(
            "%d files may be of uploads that were cut off%s, and stay, as they are younger than orphan_age. Delete "
            "them if nothing needs them",
            len(young),
            some_of(young),
        )
    update = {
        "orphans_removed": manifest.orphans_removed + removed.deleted,
        "possible_orphans": max(manifest.possible_orphans, len(young)),
    }
    return manifest.model_copy(update=update)


def _began(context: Context, now: float) -> float:
    """When the first try of the task may have begun."""
    began = getattr(context["dag_run"], "start_date", None) or getattr(context["dag_run"], "run_after", None)
    return max(began.timestamp() if began else 0.0, now - REMEMBERED)
