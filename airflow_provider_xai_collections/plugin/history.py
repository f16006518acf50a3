"""Histories of collections, as Airflow knows them: asset events, runs of the tasks that made them, their progress."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import quote

from airflow_provider_xai_collections.assets.collections import URI_PREFIX
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.manifests.progress import PROGRESS_KEY, TaskProgress
from airflow_provider_xai_collections.plugin.airflow_api import AirflowAPI, AirflowAPIError
from airflow_provider_xai_collections.plugin.runs import (
    RunKey,
    Told,
    key_of_event,
    key_of_instance,
    run_of,
    time_of,
    with_progress,
)
from airflow_provider_xai_collections.plugin.together import all_of
from airflow_provider_xai_collections.plugin.views import Dag, Run

#: Assets that are looked at; a team of xAI's has a few hundred collections at most.
MAX_ASSETS = 1_000
#: Runs of a collection, unless more are asked for.
RUNS = 30
#: Histories that are read at once: few, so that some are complete if time ends before all are.
HISTORIES_AT_ONCE = 4
#: Tasks whose progress is read, those that told it last.
MAX_PROGRESS = 30


#: What tasks have told, by Dag run and collection.
_Progress: TypeAlias = Mapping[tuple[RunKey, str], Told]


@dataclass(frozen=True, slots=True)
class CollectionAsset:
    """The assets of a collection, which may have several names, and the tasks that declare one as their outlet."""

    collection_id: str
    asset_ids: tuple[int, ...]
    tasks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class History:
    """One collection, as Airflow knows it.

    :param name: as the newest event says.
    :param runs: newest first.
    """

    collection_id: str
    name: str = ""
    runs: tuple[Run, ...] = ()
    dags: tuple[Dag, ...] = ()


@contextmanager
def _passing_over_hidden() -> Iterator[None]:
    """Pass over what the user may not see or what was deleted. Any other error leaves a history unknown."""
    try:
        yield
    except AirflowAPIError as error:
        if not (error.is_forbidden or error.is_missing):
            raise


@dataclass(slots=True)
class HistoryReader:
    """Reads the histories of collections, for one page."""

    api: AirflowAPI
    _dags: dict[str, asyncio.Task[Dag | None]] = field(default_factory=dict)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HISTORIES_AT_ONCE))

    async def assets(self, collection_id: str = "") -> tuple[list[CollectionAsset], bool]:
        """List the assets of collections, and whether these are all.

        :param collection_id: only those of this one; nothing for all.
        :raises AirflowAPIError: the user may not see assets, or Airflow cannot answer.
        """
        found = await self.api.all_pages(
            "assets", of="assets", at_most=MAX_ASSETS, uri_pattern=f"{URI_PREFIX}{collection_id}", only_active=False
        )
        by_id: dict[str, list[dict[str, Any]]] = {}
        for each in found:
            if each["uri"].startswith(URI_PREFIX):
                by_id.setdefault(each["uri"].removeprefix(URI_PREFIX), []).append(each)
        assets = [
            CollectionAsset(
                each,
                tuple(asset["id"] for asset in several),
                tuple((task["dag_id"], task["task_id"]) for asset in several for task in asset["producing_tasks"]),
            )
            for each, several in by_id.items()
        ]
        return assets, len(found) < MAX_ASSETS

    async def names(self, assets: Sequence[CollectionAsset]) -> dict[str, str]:
        """Return the names of collections by id, as their newest events say; its id, where none says it.

        :raises AirflowAPIError: as of :meth:`assets`.
        """
        newest = await all_of(self._events(each, 1) for each in assets)
        return {
            each.collection_id: _name_in(events) or each.collection_id
            for each, events in zip(assets, newest, strict=True)
        }

    async def histories(
        self, assets: Sequence[CollectionAsset], *, runs: int = RUNS
    ) -> tuple[dict[str, History], AirflowAPIError | None]:
        """Return the history of each collection, by its id; what the user may not see is not in it.

        :param runs: how many of each.
        :returns: the histories, and an error if some are missing.
        """
        progress = await self._progress()
        read = await asyncio.gather(*(self._history_or_error(each, runs, progress) for each in assets))
        # A collection has no event, and so no asset, before its first run has ended.
        first = {each for _, each in progress} - {each.collection_id for each in assets}
        known = {each: self._first_history(each, progress) for each in first}
        known |= {each.collection_id: each for each in read if isinstance(each, History)}
        return known, next((each for each in read if isinstance(each, AirflowAPIError)), None)

    def _first_history(self, collection_id: str, progress: _Progress) -> History:
        ours = {run: told for (run, each), told in progress.items() if each == collection_id}
        return History(collection_id, next((told.name for told in ours.values()), ""), tuple(with_progress((), ours)))

    async def _history_or_error(
        self, asset: CollectionAsset, at_most: int, progress: _Progress
    ) -> History | AirflowAPIError:
        try:
            async with self._room:
                return await self._history(asset, at_most, progress)
        except AirflowAPIError as error:
            return error

    async def _history(self, asset: CollectionAsset, at_most: int, progress: _Progress) -> History:
        events = await self._events(asset, at_most)
        told = {key_of_event(each): each for each in reversed(events) if each["source_run_id"]}
        tasks = dict.fromkeys([*((key.dag_id, key.task_id) for key in told), *asset.tasks])
        instances = await all_of(self._instances(dag, task, at_most) for dag, task in tasks)
        # Before Airflow 3.3, events are shown of Dags that the user may not see.
        hidden = {task for task, found in zip(tasks, instances, strict=True) if found is None}
        told = {key: each for key, each in told.items() if (key.dag_id, key.task_id) not in hidden}
        known = {key_of_instance(each): each for several in instances for each in several or ()}
        runs = [run_of(key, known.get(key), told.get(key)) for key in dict.fromkeys([*told, *known])]
        ours = {run: each for (run, collection_id), each in progress.items() if collection_id == asset.collection_id}
        runs = [*with_progress(runs, ours)]
        runs.sort(key=lambda run: run.started or datetime.max.replace(tzinfo=UTC), reverse=True)
        dags = await all_of(map(self._dag, dict.fromkeys(dag for dag, _ in tasks)))
        return History(asset.collection_id, _name_in(events), tuple(runs[:at_most]), tuple(dag for dag in dags if dag))

    async def _events(self, asset: CollectionAsset, at_most: int) -> list[dict[str, Any]]:
        """Return events, newest first."""
        found = await all_of(
            self.api.get("assets", "events", asset_id=each, order_by="-timestamp", limit=at_most)
            for each in asset.asset_ids
        )
        events = [event for each in found for event in each["asset_events"]]
        return sorted(events, key=lambda event: str(event["timestamp"]), reverse=True)

    async def _instances(self, dag_id: str, task_id: str, at_most: int) -> list[dict[str, Any]] | None:
        """Return the last runs of a task, also those that said nothing; ``None`` if the user may not see the Dag."""
        try:
            found = await self.api.get(
                *("dags", dag_id, "dagRuns", "~", "taskInstances"),
                task_id=task_id,
                order_by="-run_after",
                limit=at_most,
            )
        except AirflowAPIError as error:
            if error.is_forbidden:
                return None
            if error.is_missing:
                return []
            raise
        return [
            each
            for each in found["task_instances"]
            if each["task_id"] == task_id and each["state"] not in (None, "skipped", "removed")
        ]

    async def _dag(self, dag_id: str) -> Dag | None:
        """Return a Dag, which is read once; nothing if the user may not see it."""
        if dag_id not in self._dags:
            self._dags[dag_id] = asyncio.create_task(self._read_dag(dag_id))
        return await self._dags[dag_id]

    async def _read_dag(self, dag_id: str) -> Dag | None:
        with _passing_over_hidden():
            found = await self.api.get("dags", dag_id)
            return Dag(
                dag_id,
                found["dag_display_name"] or dag_id,
                f"/dags/{quote(dag_id, safe='')}",
                bool(found["is_paused"]),
                tuple(found["owners"]),
                time_of(found.get("next_dagrun_run_after")),
            )
        return None

    async def _progress(self) -> dict[tuple[RunKey, str], Told]:
        """Return how far the runs are that told it last, all tasks of a run together, by run and collection."""
        told: dict[tuple[RunKey, str], Told] = {}
        with suppress(AirflowAPIError):  # without it, running tasks are shown all the same
            found = await self.api.get(
                *("dags", "~", "dagRuns", "~", "taskInstances", "~", "xcomEntries"),
                xcom_key=PROGRESS_KEY,
                order_by="-timestamp",
                limit=MAX_PROGRESS,
            )
            entries = [each for each in found["xcom_entries"] if each["key"] == PROGRESS_KEY]
            for entry, progress in zip(entries, await asyncio.gather(*map(self._entry, entries)), strict=True):
                if progress is not None:
                    key = RunKey(entry["dag_id"], entry["run_id"]), progress.collection_id
                    one = Told.of(entry["task_id"], progress)
                    told[key] = told[key].plus(one) if key in told else one
        return told

    async def _entry(self, entry: Mapping[str, Any]) -> TaskProgress | None:
        with suppress(AirflowAPIError, XAIError):
            found = await self.api.get(
                *("dags", entry["dag_id"], "dagRuns", entry["run_id"], "taskInstances", entry["task_id"]),
                *("xcomEntries", PROGRESS_KEY),
                map_index=entry["map_index"],
                deserialize=True,
            )
            return TaskProgress.parse(found["value"])
        return None


def _name_in(events: Iterable[Mapping[str, Any]]) -> str:
    """Return the name of the collection that the first event says that says one; nothing if none does."""
    extras = (each["extra"] or {} for each in events)
    return next((str(extra["collection_name"]) for extra in extras if extra.get("collection_name")), "")
