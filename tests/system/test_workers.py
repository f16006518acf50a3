"""A worker that dies in the middle: the retry finishes the work, and nothing is at xAI twice.

With the LocalExecutor a worker is a process that supervises the task, and the task is its child. Two deaths are played:
the machine's, which takes both, and the worker's alone, which leaves an orphan that goes on with its work while the
retry does the same.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.system.processes import is_alive, parent_of, until
from tests.system.scenario import scenario
from tests.system.stack import TEXTS, Stack

#: Seconds for which the emulator keeps an answer back: until the worker is dead and the retry is through.
HELD = 45.0


@dataclass(frozen=True)
class Killed:
    """The end of a run whose worker died.

    :param again: how often the emulator was asked what after the death.
    :param files: how many there are, attached or not.
    """

    again: Counter[str]
    files: int


def ingest_and_kill(stack: Stack, conn_id: str, when: dict[str, int], *held: int, orphan: bool = False) -> Killed:
    """Ingest documents, and kill the worker ``when`` the emulator's endpoints have been called so often.

    :param held: the answers to which calls of the first of these endpoints are kept back.
    """
    emulator = stack.emulators[conn_id]
    if held:
        emulator.break_down({"endpoint": next(iter(when)), "nth": held, "delay": HELD})
    run, collection_id = stack.ingest("system_ingest", conn_id)
    emulator.wait_for(**when)
    pid = int(run.task("ingest")["pid"])
    os.kill(parent_of(pid), signal.SIGKILL)
    if orphan:
        assert is_alive(pid)
    else:
        os.kill(pid, signal.SIGKILL)
    before, known = emulator.requests(), 0
    if "batch_get_documents" in when:
        emulator.restart()  # it remembers the documents, and lets go of them; the requests it forgets
    else:
        known = len(before)
    run.ends("success")
    # What the orphan does, it does before the tests look.
    until(lambda: not is_alive(pid), f"the task's first process {pid} is gone")
    assert run.task("ingest")["try_number"] > 1
    after = emulator.requests()[known:]
    check_each_is_there_once(emulator.documents(collection_id), before + after)
    return Killed(Counter(entry["endpoint"] for entry in after), len(emulator.files()))


def check_each_is_there_once(documents: list[dict[str, Any]], requests: list[dict[str, Any]]) -> None:
    assert sorted(document["file_metadata"]["name"] for document in documents) == sorted(TEXTS)
    assert {document["status"] for document in documents} == {"DOCUMENT_STATUS_PROCESSED"}
    attached = [entry for entry in requests if entry["endpoint"] == "add_document" and entry["status"] == 200]
    file_ids = [document["file_metadata"]["file_id"] for document in documents]
    assert sorted(entry["ids"]["file_id"] for entry in attached) == sorted(file_ids)


@scenario
def killed_during_upload(stack: Stack) -> Killed:
    return ingest_and_kill(stack, "xai_upload", {"upload_file": 3, "add_document": 2}, 3)


@scenario
def killed_during_attach(stack: Stack) -> Killed:
    return ingest_and_kill(stack, "xai_attach", {"add_document": 3}, 3)


@scenario
def killed_during_wait(stack: Stack) -> Killed:
    return ingest_and_kill(stack, "xai_wait", {"batch_get_documents": 2})


@scenario
def orphaned_during_upload(stack: Stack) -> Killed:
    return ingest_and_kill(stack, "xai_orphan", {"upload_file": 3}, 1, 2, 3, orphan=True)


def test_after_a_death_during_upload_only_the_document_that_was_not_attached_is_uploaded_again(
    killed_during_upload: Killed,
) -> None:
    assert (killed_during_upload.again["upload_file"], killed_during_upload.again["add_document"]) == (1, 1)


def test_after_a_death_during_attach_or_wait_nothing_is_uploaded_or_attached_again(
    killed_during_attach: Killed, killed_during_wait: Killed
) -> None:
    for killed in (killed_during_attach, killed_during_wait):
        assert not set(killed.again) & {"upload_file", "add_document"}
        assert killed.files == len(TEXTS)


def test_an_orphan_that_goes_on_beside_the_retry_doubles_nothing(orphaned_during_upload: Killed) -> None:
    # Whether it lives long enough to delete the files it has uploaded in vain is another matter: it dies when it says
    # something, because nobody listens any more. A retry uploaded them again.
    assert orphaned_during_upload.again["add_document"] >= 1
