"""Ingestions whose worker dies."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from tests.system.processes import is_alive, parent_of, until
from tests.system.scenario import scenario
from tests.system.stack import TEXTS, Stack

DAG = "system_ingest"
#: Seconds for which the emulator keeps an answer back: until the worker is dead and the retry is through.
HELD = 45.0


@dataclass(frozen=True)
class Killed:
    """The end of a run whose worker died.

    :param before: what the emulator had been asked when it died.
    :param after: what it was asked then.
    """

    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    attempts: int
    documents: list[dict[str, Any]]
    files: list[dict[str, Any]]

    def check(self) -> None:
        """The retry did it, and each document is there once."""
        assert self.attempts > 1
        assert sorted(document["file_metadata"]["name"] for document in self.documents) == sorted(TEXTS)
        assert {document["status"] for document in self.documents} == {"DOCUMENT_STATUS_PROCESSED"}
        attached = [entry for entry in self.before + self.after if entry["endpoint"] == "add_document"]
        accepted = [entry["ids"]["file_id"] for entry in attached if entry["status"] == 200]
        assert sorted(accepted) == sorted(document["file_metadata"]["file_id"] for document in self.documents)


def ingest_and_kill(stack: Stack, conn_id: str, when: dict[str, int], *, orphan: bool = False) -> Killed:
    """Ingest documents, and kill the worker ``when`` the emulator's endpoints have been called so often."""
    emulator = stack.emulators[conn_id]
    collection_id = emulator.create_collection("whales")
    conf = {"conn_id": conn_id, "collection_id": collection_id, "documents": str(stack.documents)}
    run_id = stack.begin(DAG, conf)
    emulator.wait_for(**when)
    pid = int(stack.api.task(DAG, run_id, "ingest")["pid"])
    os.kill(parent_of(pid), signal.SIGKILL)
    if orphan:
        assert is_alive(pid)
    else:
        os.kill(pid, signal.SIGKILL)
    before, again = emulator.requests(), 0
    if "batch_get_documents" in when:
        emulator.restart()  # it remembers the documents, and lets go of them; the requests it forgets
    else:
        again = len(before)
    run = stack.api.finished(DAG, run_id)
    assert run["state"] == "success", stack.api.story(DAG, run_id)
    # What the orphan does, it does before the tests look.
    until(lambda: not is_alive(pid), f"the task's first process {pid} is gone")
    attempts = stack.api.task(DAG, run_id, "ingest")["try_number"]
    return Killed(before, emulator.requests()[again:], attempts, emulator.documents(collection_id), emulator.files())


@scenario
def killed_during_upload(stack: Stack) -> Killed:
    stack.emulators["xai_upload"].break_down({"endpoint": "upload_file", "nth": [3], "delay": HELD})
    return ingest_and_kill(stack, "xai_upload", {"upload_file": 3, "add_document": 2})


@scenario
def killed_during_attach(stack: Stack) -> Killed:
    stack.emulators["xai_attach"].break_down({"endpoint": "add_document", "nth": [3], "delay": HELD})
    return ingest_and_kill(stack, "xai_attach", {"add_document": 3})


@scenario
def killed_during_wait(stack: Stack) -> Killed:
    return ingest_and_kill(stack, "xai_wait", {"batch_get_documents": 2})


@scenario
def orphaned_during_upload(stack: Stack) -> Killed:
    stack.emulators["xai_orphan"].break_down({"endpoint": "upload_file", "nth": [1, 2, 3], "delay": HELD})
    return ingest_and_kill(stack, "xai_orphan", {"upload_file": 3}, orphan=True)
