"""The log of a long wait: enough to see that it goes on, not more."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_xai_collections.api.polling import Poller
from airflow_provider_xai_collections.hooks.progress import LOG_INTERVAL, ProgressMeter
from airflow_provider_xai_collections.manifests.progress import Stage, TaskProgress
from tests.support.driving import a_document


class Wait:
    """A wait for three documents, in simulated time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("airflow_provider_xai_collections.client.clock.monotonic", lambda: self.now)
        self.poller = Poller(["file_a", "file_b", "file_c"])
        self.meter = ProgressMeter(logging.getLogger("test"), "collection_1", stage=Stage.INDEXING)

    def poll(self, *, after: float, **statuses: str) -> None:
        """Poll, so many seconds after the last poll."""
        self.now += after
        self.poller.handle_poll(self.now, [a_document(file_id, status) for file_id, status in statuses.items()])
        self.meter.polled(self.poller)


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Wait:
    caplog.set_level(logging.INFO)
    return Wait(monkeypatch)


PROCESSED = "DOCUMENT_STATUS_PROCESSED"
PROCESSING = "DOCUMENT_STATUS_PROCESSING"


def test_lines_come_at_intervals_and_when_something_has_changed(wait: Wait, caplog: pytest.LogCaptureFixture) -> None:
    wait.poll(after=0, file_a=PROCESSING)
    wait.poll(after=1, file_a=PROCESSED)
    wait.poll(after=1, file_b=PROCESSED)
    assert caplog.messages == ["collection_1: indexing, 0 of 3 documents done, 3 to go"]
    for _ in range(3):
        wait.poll(after=LOG_INTERVAL, file_c=PROCESSING)
    assert caplog.messages[1:] == ["collection_1: indexing, 2 of 3 documents done, 1 to go, about 6 seconds left"]


def test_an_unknown_status_is_said_once(wait: Wait, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        wait.poll(after=1, file_a="DREAMING", file_b="DREAMING")
    wait.poll(after=1, file_a="SNORING")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        f"xAI reports a status this provider does not know ({word}): still waiting" for word in ("DREAMING", "SNORING")
    ]


def test_what_is_left_follows_from_the_pace_of_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5000.0
    monkeypatch.setattr("airflow_provider_xai_collections.client.clock.monotonic", lambda: now)
    meter = ProgressMeter(logging.getLogger("test"), "whales")
    now += 60
    meter.enter(Stage.UPLOADING, 100)
    assert meter.snapshot().seconds_left is None, "no pace yet"
    now += 20
    for _ in range(40):
        meter.step(uploaded=10)
    snapshot = meter.snapshot()
    assert (snapshot.rate, snapshot.seconds_left, snapshot.bytes) == (2.0, 30.0, 400)
    assert snapshot.line() == "uploading, 40 of 100 documents done, 60 to go, about 30 seconds left"
    assert dict(meter.stages) == {Stage.LISTING: 60.0}


def test_a_listener_hears_at_most_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5000.0
    heard: list[TaskProgress] = []
    monkeypatch.setattr("airflow_provider_xai_collections.client.clock.monotonic", lambda: now)
    meter = ProgressMeter(logging.getLogger("test"), "whales", listener=heard.append)
    meter.enter(Stage.UPLOADING, 1000)
    for _ in range(1000):
        now += LOG_INTERVAL / 100
        meter.step()
    meter.enter(Stage.INDEXING, 1000)
    assert 10 <= len(heard) <= 11
    meter.end(Stage.DONE)
    assert heard[-1].stage is Stage.DONE, "always"
