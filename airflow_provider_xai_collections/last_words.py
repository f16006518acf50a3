"""Log messages of tasks that are killed: what goes on at xAI, and what a rerun will do."""

from __future__ import annotations

import _thread
from collections.abc import Mapping
from typing import Any

#: What a task does that runs again.
FINDS = "the task finds what is there and does the rest: no document is there twice"
INDEXES_ANEW = "the task indexes documents anew"
LOOKS_AGAIN = "the task looks again"
#: Seconds that a signal handler waits for its words to be in the log.
PATIENCE = 1.0


def speak(log: Any, words: str) -> None:
    """Log from a signal handler.

    The code that the signal interrupted may be logging itself, and Airflow 3's log has a lock that does not let the
    same thread in twice. So another thread says it; and not one of ``threading``, whose start has such a lock as well.
    """
    said = _thread.allocate_lock()
    said.acquire()

    def say() -> None:
        try:
            log.warning("%s", words)
        finally:
            said.release()

    _thread.start_new_thread(say, ())
    said.acquire(timeout=PATIENCE)


def before_the_end() -> str:
    """Of a task of a few requests."""
    return (
        "Told to end: nothing more is sent to xAI, and what it has received is not undone. Run again, the task looks "
        "at what is there and does the rest"
    )


def between_documents(collection_id: str, done: int, total: int, what: str, again: str) -> str:
    """In the middle of many documents, of which ``done`` have been ``what``."""
    return (
        f"{collection_id}: told to end after {done} of {total} documents were {what}. Nothing more is sent. What xAI "
        "has received stays: documents are indexed, and billed; a file that is not attached yet stays in Files. "
        f"Run again, {again}"
    )


def while_waiting(collection_id: str, documents: str, again: str, *, remembered: bool = False) -> str:
    """In the wait for ``documents``; ``remembered`` says that the next try will find it."""
    runs = "A retry goes on waiting and sends nothing again; once cleared," if remembered else "Run again,"
    return (
        f"{collection_id}: told to end while waiting for {documents}. Indexing goes on at xAI and is billed; removing "
        "the documents (XAIRemoveDocumentsOperator) is what stops it. How far it is, XAIDocumentsProcessedSensor tells "
        f"and xAI's console shows. {runs} {again}"
    )


def once_cleared(manifest: Mapping[str, Any] | None) -> str:
    """What a rerun does of the task with this manifest; ``None`` means a sensor."""
    if manifest is None:
        return LOOKS_AGAIN
    return INDEXES_ANEW if manifest.get("reindexed") else FINDS
