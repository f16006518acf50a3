"""Metrics of tasks, as a StatsD server on a socket of its own receives them, and as nobody does."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
)
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run
from tests.operators.syncs import task

#: What was received since the last call: value and tags by name, without ``airflow.xai_collections.``.
Received = Callable[[], dict[str, tuple[float, str]]]


@pytest.fixture(params=["plain", "dogstatsd"])
def received(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """A StatsD server, and an Airflow that sends its metrics there in either dialect."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.5)
        for name, value in {
            "STATSD_ON": "True",
            "STATSD_DATADOG_ENABLED": str(request.param == "dogstatsd"),
            "STATSD_HOST": "127.0.0.1",
            "STATSD_PORT": str(server.getsockname()[1]),
        }.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
        configure(monkeypatch)

        def take() -> dict[str, tuple[float, str]]:
            found: dict[str, tuple[float, str]] = {}
            while True:
                try:
                    lines = server.recv(65_536).decode().splitlines()
                except TimeoutError:
                    return found
                for line in lines:
                    name, _, rest = line.partition(":")
                    number, kind, *tags = rest.split("|")
                    if name.startswith(prefix := "airflow.xai_collections."):
                        assert kind == ("ms" if "stage." in name or "pause" in name else "c")
                        found[name.removeprefix(prefix)] = (float(number), "|".join(tags))

        yield take
    monkeypatch.undo()
    configure(monkeypatch)


def configure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Airflow's metrics read the configuration, as at the start of a process."""
    try:
        stats = import_module("airflow.sdk.observability.stats")
        utils = import_module("airflow.sdk.observability.metrics.stats_utils")
    except ImportError:  # Airflow before 3.3
        module = import_module("airflow.stats")
        kind = type(module.Stats)
        for name in ("factory", "instance"):
            if name in vars(kind):
                delattr(kind, name)
        kind.instance = module.Stats.instance = None
        kind("Stats", (), {})
    else:
        stats.initialize(factory=utils.get_stats_factory(), export_legacy_names=False)


def counted(received: Received) -> dict[str, float]:
    return {name: value for name, (value, _) in received().items() if "stage." not in name}


def test_a_sync_counts_documents_bytes_and_requests_and_times_its_stages(
    xai: Xai, folder: Path, received: Received, request: pytest.FixtureRequest
) -> None:
    (folder / "empty.md").write_text("")
    run(task(source=folder, collection_name="whales, and: others"))
    found = received()
    assert {name: value for name, (value, _) in found.items() if "stage." not in name and name != "requests"} == {
        "documents.added": 3,
        "documents.skipped": 1,
        "bytes": 14,
    }
    assert found["requests"][0] == sum(xai.emulator.counts.values())
    assert {"stage.listing", "stage.uploading", "stage.indexing"} <= found.keys()
    tagged = "#collection:whales__and__others" if "dogstatsd" in request.node.name else ""
    assert {tags for _, tags in found.values()} == {tagged}
    run(task(source=folder, collection_name="whales, and: others"))
    assert counted(received).keys() == {"documents.kept", "documents.skipped", "requests"}, "only what is new"


def test_a_failed_attempt_counts_too_with_its_retries(xai: Xai, folder: Path, received: Received) -> None:
    xai.emulator.set_faults(
        FaultRule(endpoint="upload_document", times=1, status=400),
        FaultRule(endpoint="batch_get_documents", times=2, status=503),
    )
    with pytest.raises(XAIFailException):
        run(task(source=folder, collection_name="whales"))
    found = counted(received)
    assert (found["documents.added"], found["documents.errors"], found["retries"]) == (2, 1, 2)
    assert found["bytes"] == 14, "sent is sent"


def test_pauses_for_the_rate_limit_are_timed(xai: Xai, folder: Path, received: Received) -> None:
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", times=2, status=429, retry_after="2"))
    run(task(source=folder, collection_name="whales", concurrency=2))
    assert counted(received)["rate_limit_pause"] > 0


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
async def test_a_deferred_task_counts_its_documents_once(xai: Xai, folder: Path, received: Received) -> None:
    arguments: dict[str, Any] = {"source": folder, "collection_name": "whales", "deferrable": True}
    with deferring() as caught:
        run(task(**arguments))
    assert counted(received).keys() == {"bytes", "requests"}
    await finish(caught[0], task(**arguments))
    assert counted(received)["documents.added"] == 3


def test_of_a_group_the_last_task_counts_the_documents(
    xai: Xai, folder: Path, tmp_path: Path, received: Received
) -> None:
    shared: dict[str, Any] = {"source": folder, "collection_name": "whales"}
    xcoms: dict[str, str] = {}
    run(XAIPlanSyncOperator(task_id="plan", workspace=tmp_path / "plans", **shared), xcoms=xcoms)
    planned = json.loads(xcoms["planned"])
    run(XAIApplySyncOperator(task_id="apply", planned=planned, shard=0, **shared))
    assert counted(received).keys() == {"bytes", "requests"}
    run(XAIFinishSyncOperator(task_id="finish", planned=planned, **shared))
    assert counted(received).keys() == {"documents.added", "requests"}


def test_metrics_that_cannot_be_sent_fail_no_task(
    xai: Xai, folder: Path, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route")

    stats = import_module("airflow.providers.common.compat.sdk").Stats
    monkeypatch.setattr(stats, "incr", refuse)
    assert run(task(source=folder, collection_name="whales"))["added"] == 3
    assert "The metrics of this task are not complete: no route" in logged()
