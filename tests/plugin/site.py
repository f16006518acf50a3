"""Airflow's API server in this process, as browsers of users see it, and what tasks have left in its database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import httpx
from airflow.models import Connection
from airflow.models.asset import AssetEvent, AssetModel, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import delete, insert, select, update

from airflow_provider_xai_collections.assets.collections import URI_PREFIX

P = TypeVar("P")

PREFIX = "/xai-collections"
#: The address of the API server, as browsers name it.
ORIGIN = "http://airflow.example.org"
#: A moment that all runs of a test are counted from.
NOW = datetime.now(UTC)
#: Seconds after which an answer is none: far more than any limit of the pages, as they are in tests.
PATIENCE = 30.0


@dataclass(frozen=True)
class Shown(Generic[P]):
    """An answer of the API server; ``view`` is what the page was made of, ``None`` if it was made of nothing."""

    status: int
    headers: httpx.Headers
    text: str
    view: P


@dataclass
class Site:
    """The API server with its pages."""

    app: Any
    tokens: Mapping[str, str]
    runner: asyncio.Runner
    #: What was rendered.
    views: list[Any] = field(default_factory=list)

    def get(self, path: str = "/", *, user: str | None = "op", headers: Mapping[str, str] = {}, **choice: Any) -> Any:
        """Open a page below ours as a user does; ``None`` is nobody."""
        query = f"?{urlencode(choice)}" if choice else ""
        return self.send("GET", f"{PREFIX}{path}{query}", user=user, headers=headers)

    def post(
        self, path: str, form: Mapping[str, str], *, user: str | None = "op", headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a form, from our own page unless the headers say otherwise."""
        headers = {"sec-fetch-site": "same-origin"} if headers is None else headers
        return self.send("POST", f"{PREFIX}{path}", user=user, headers=headers, data=dict(form))

    def send(self, method: str, url: str, *, user: str | None = "op", headers: Mapping[str, str], **more: Any) -> Any:
        """Send any request."""
        known = {"authorization": f"Bearer {self.tokens[user]}"} if user else {}
        self.views.clear()
        response = self.runner.run(self._send(method, url, {**known, **headers}, **more))
        view = self.views[-1] if self.views else None
        return Shown(response.status_code, response.headers, response.text, view)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.request(method, url, headers=headers, **more)


@dataclass
class Past:
    """Airflow's database, where tasks have left things."""

    assets: dict[str, int] = field(default_factory=dict)

    def connection(self, conn_id: str, conn_type: str, **more: Any) -> None:
        """A connection."""
        with create_session() as session:
            session.add(Connection(conn_id=conn_id, conn_type=conn_type, **more))

    def dag(self, dag_id: str, *, is_paused: bool = False, owner: str = "airflow") -> str:
        """A Dag that Airflow has parsed, with a task ``sync``."""
        with DAG(dag_id, schedule=None) as dag:
            EmptyOperator(task_id="sync", owner=owner)
        parsed = LazyDeserializedDAG.from_dag(dag)
        with create_session() as session:
            if session.get(DagBundleModel, "dags") is None:
                session.add(DagBundleModel(name="dags"))
                session.flush()
            SerializedDAG.bulk_write_to_db("dags", None, [parsed], session=session)
            SerializedDagModel.write_dag(parsed, "dags", session=session)
            session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=is_paused))
        return dag_id

    def asset(
        self, collection_id: str, *, name: str = "", uri: str = "", producer: tuple[str, str] | None = None
    ) -> int:
        """The asset of a collection, or any other one; ``producer`` declares it as its outlet."""
        uri = uri or f"{URI_PREFIX}{collection_id}"
        with create_session() as session:
            asset = AssetModel(name=name or uri, uri=uri, group="asset", extra={})
            session.add(asset)
            session.flush()
            if producer:
                dag_id, task_id = producer
                session.add(TaskOutletAssetReference(asset_id=asset.id, dag_id=dag_id, task_id=task_id))
            self.assets[collection_id] = asset.id
            return int(asset.id)

    def run(
        self,
        dag_id: str,
        run_id: str,
        state: str = "success",
        *,
        task_id: str = "sync",
        map_index: int = -1,
        hours_ago: float = 1.0,
        seconds: float = 60.0,
    ) -> None:
        """A run of a task."""
        began = NOW - timedelta(hours=hours_ago)
        ended = None if state in ("running", "queued") else began + timedelta(seconds=seconds)
        with create_session() as session:
            if session.scalar(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)) is None:
                session.add(
                    DagRun(dag_id=dag_id, run_id=run_id, run_type="manual", state=DagRunState.SUCCESS, run_after=began)
                )
                session.flush()
            session.execute(
                insert(TaskInstance).values(
                    task_id=task_id,
                    dag_id=dag_id,
                    run_id=run_id,
                    map_index=map_index,
                    state=state,
                    start_date=began,
                    end_date=ended,
                    duration=seconds if ended else None,
                    pool="default_pool",
                    pool_slots=1,
                    try_number=1,
                    max_tries=0,
                )
            )

    def event(
        self,
        collection_id: str,
        extra: Any,
        *,
        dag_id: str | None = "sync_docs",
        run_id: str | None = "manual__1",
        task_id: str | None = "sync",
        hours_ago: float = 1.0,
        asset_id: int | None = None,
    ) -> None:
        """An event of the asset of a collection."""
        with create_session() as session:
            session.execute(
                insert(AssetEvent).values(
                    asset_id=asset_id or self.assets[collection_id],
                    extra=extra,
                    source_dag_id=dag_id,
                    source_task_id=task_id,
                    source_run_id=run_id,
                    source_map_index=-1,
                    timestamp=NOW - timedelta(hours=hours_ago),
                )
            )

    def progress(self, dag_id: str, run_id: str, value: Any, *, task_id: str = "sync", map_index: int = -1) -> None:
        """The progress of a task that runs, in its XCom."""
        with create_session() as session:
            XComModel.set(
                "xai_progress",
                value,
                dag_id=dag_id,
                task_id=task_id,
                run_id=run_id,
                map_index=map_index,
                session=session,
            )

    def synced(
        self, collection_id: str, *runs: Mapping[str, Any] | None, dag_id: str = "sync_docs", **of_dag: Any
    ) -> None:
        """A Dag whose task ``sync`` has run: extras of its events, the newest first; ``None`` instead: it failed."""
        self.dag(dag_id, **of_dag)
        self.asset(collection_id, producer=(dag_id, "sync"))
        for number, extra in enumerate(runs):
            run_id, hours_ago = f"manual__{len(runs) - number}", 1.0 + number
            self.run(dag_id, run_id, "success" if extra is not None else "failed", hours_ago=hours_ago)
            if extra is not None:
                self.event(collection_id, extra, dag_id=dag_id, run_id=run_id, hours_ago=hours_ago)

    @staticmethod
    def forget() -> None:
        """Remove all of it."""
        models = (XComModel, TaskInstance, DagRun, AssetEvent, TaskOutletAssetReference, AssetModel, DagModel)
        with create_session() as session:
            for model in (*models, Connection):
                session.execute(delete(model))


def extra_of(name: str = "whales", *, documents: int = 3, failed: int = 0, **counts: Any) -> dict[str, Any]:
    """The extra of an event, as a sync writes it."""
    known = {"added": 0, "replaced": 0, "removed": 0, "failed": failed, "bytes": 0, "documents": documents}
    report = {"kept": documents, "scope": "/library", "sources": ["file:///library"], "problems": []}
    return {**known, "collection_name": name, "report": {**report, **counts.pop("report", {})}, **counts}


def progress_of(collection_id: str, /, *, seconds_ago: float = 1.0, **more: Any) -> dict[str, Any]:
    """The progress that a task tells."""
    now = datetime.now(UTC).timestamp()
    told = {"version": 1, "stage": "uploading", "documents": 10, "total": 40, "collection_id": collection_id}
    return {**told, "updated": now - seconds_ago, "began": now - 60, **more}
