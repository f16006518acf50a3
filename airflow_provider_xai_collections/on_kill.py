"""Messages of a task that is cancelled: what goes on at xAI, and what a rerun will do."""

from __future__ import annotations

import _thread
from typing import Any

from airflow_provider_xai_collections.text import counted

#: What a task does when it runs again.
FINDS = "the task finds what is there and does the rest: no document is there twice"
INDEXES_AGAIN = "the task indexes documents again"
#: Seconds that a signal handler waits for its message to be in the log.
LOG_TIMEOUT = 1.0


def log_from_signal_handler(log: Any, message: str) -> None:
    """Log a warning in another thread.

    The code that the signal interrupted may be logging itself, and Airflow 3's log has a lock that does not let the
    same thread in twice. ``threading`` has such a lock as well, when it starts a thread.
    """
    logged = _thread.allocate_lock()
    logged.acquire()

    def warn() -> None:
        try:
            log.warning("%s", message)
        finally:
            logged.release()

    _thread.start_new_thread(warn, ())
    logged.acquire(timeout=LOG_TIMEOUT)


def cancelled(again: str = "the task finds what is there and does the rest") -> str:
    """Return the message of a task of a few requests."""
    return f"Cancelled: nothing more is sent to xAI, and what it has received is not undone. Run again, {again}"


def cancelled_between(collection: str, done: int, total: int, what: str, again: str = FINDS) -> str:
    """Return the message of a task that works on many documents, of which ``done`` have been ``what``."""
    return (
        f"{collection}: cancelled, {done} of {counted(total, 'document')} {what}. Nothing more is sent. What xAI has "
        "received stays: documents are indexed, and billed; a file that is not attached yet stays in Files. Run "
        f"again, {again}"
    )


def cancelled_while_waiting(collection: str, documents: str, again: str = FINDS) -> str:
    """Return the message of a task that waits for documents."""
    return (
        f"{collection}: cancelled while waiting for {documents}. Indexing goes on at xAI and is billed; removing the "
        "documents (XAIRemoveDocumentsOperator) is what stops it. XAIDocumentsProcessedSensor and xAI's console tell "
        f"how far it is. Run again, {again}"
    )
