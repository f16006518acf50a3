"""Logging from a signal handler: the message is in the log, and nobody waits for ever."""

from __future__ import annotations

import threading
import time

from airflow_provider_xai_collections.on_kill import LOG_TIMEOUT, log_from_signal_handler


class Log:
    """A log as Airflow 3's: with a lock that lets nobody in twice."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lines: list[str] = []

    def warning(self, text: str, *arguments: str) -> None:
        with self.lock:
            self.lines.append(text % arguments)


def test_it_is_in_the_log_when_the_handler_returns() -> None:
    log = Log()
    log_from_signal_handler(log, "100% of it")
    assert log.lines == ["100% of it"]


def test_a_line_that_the_signal_interrupted_comes_first_and_is_not_waited_for() -> None:
    log = Log()
    began = time.monotonic()
    with log.lock:
        log_from_signal_handler(log, "later")
        assert log.lines == []
    assert time.monotonic() - began < LOG_TIMEOUT + 10
    while not log.lines:
        time.sleep(0.01)
    assert log.lines == ["later"]
