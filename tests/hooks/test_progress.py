"""The log of a long wait: enough to see that it goes on, not more."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_xai_collections.api.polling import Poller
from airflow_provider_xai_collections.hooks.progress import LOG_INTERVAL, ProgressLog
from tests.support.driving import a_document


class Wait:
    """A wait for three documents, in simulated time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.poller = Poller(["file_a", "file_b", "file_c"])
        self.tell = ProgressLog(logging.getLogger("test"), "collection_1")

    def poll(self, *, after: float, **statuses: str) -> None:
        """Poll, so many seconds after the last poll."""
        self.now += after
        self.poller.handle_poll(self.now, [a_document(file_id, status) for file_id, status in statuses.items()])
        self.tell(self.poller)


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
    assert caplog.messages == ["collection_1: 0 documents processed, 3 to go"]
    for _ in range(3):
        wait.poll(after=LOG_INTERVAL, file_c=PROCESSING)
    assert caplog.messages[1:] == ["collection_1: 2 documents processed, 1 to go"]


def test_an_unknown_status_is_said_once(wait: Wait, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        wait.poll(after=1, file_a="DREAMING", file_b="DREAMING")
    wait.poll(after=1, file_a="SNORING")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        f"xAI reports a status this provider does not know ({word}): still waiting" for word in ("DREAMING", "SNORING")
    ]
