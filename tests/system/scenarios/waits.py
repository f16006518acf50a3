"""Tasks that wait in the triggerer, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.system.processes import until
from tests.system.scenario import scenario
from tests.system.stack import Stack

FORTY = 40
#: How often a wait looks before it may be over; see ``LONG_ENOUGH``.
LOOKS = 5


@dataclass(frozen=True)
class Waited:
    """The end of deferred tasks.

    :param before: what the emulator had been asked when it let the documents go, and ``after``: what then.
    :param links: the extra links of a task while it waited.
    """

    run: dict[str, Any]
    tasks: list[dict[str, Any]]
    before: list[str]
    after: list[str]
    documents: list[dict[str, Any]]
    log: str
    story: str
    links: dict[str, str]


def ended(
    stack: Stack,
    run: dict[str, Any],
    conn_id: str,
    collection_id: str,
    before: list[str],
    links: dict[str, str] | None = None,
) -> Waited:
    emulator, dag_id, run_id = stack.emulators[conn_id], run["dag_id"], run["dag_run_id"]
    tasks = [task for task in stack.api.tasks(dag_id, run_id) if task["task_id"] == "ingest"]
    return Waited(
        run=run,
        tasks=tasks,
        before=before,
        after=[entry["endpoint"] for entry in emulator.requests()],
        documents=emulator.documents(collection_id),
        log=stack.api.log(tasks[0], attempt=1),
        story=stack.api.story(dag_id, run_id),
        links=links or {},
    )


def endpoints(stack: Stack, conn_id: str) -> list[str]:
    return [entry["endpoint"] for entry in stack.emulators[conn_id].requests()]


@scenario
def forty_waits(stack: Stack) -> Waited:
    """Forty deferred tasks; the triggerer dies, and starts again; then the documents are processed."""
    dag_id, emulator = "system_ingest_mapped", stack.emulators["xai_forty"]
    folder = stack.sources / "forty"
    folder.mkdir()
    for number in range(FORTY):
        (folder / f"note-{number:02}.md").write_text(f"# Note {number}\n\nWhale {number} was seen off Nantucket.\n")
    collection_id = emulator.create_collection("forty")
    run_id = stack.begin(
        dag_id, {"conn_id": emulator.conn_id, "collection_id": collection_id, "documents": str(folder)}
    )

    def all_wait() -> bool:
        return [task["state"] for task in stack.api.tasks(dag_id, run_id)].count("deferred") == FORTY

    until(all_wait, f"{FORTY} tasks are deferred at once")
    emulator.wait_for(batch_get_documents=2 * FORTY)
    with stack.triggerer_is_mine:
        triggerer = stack.component("triggerer")
        triggerer.kill()
        looked = emulator.count("batch_get_documents")
        assert all_wait()
        triggerer.start()
        emulator.wait_for(batch_get_documents=looked + FORTY)
    before = endpoints(stack, emulator.conn_id)
    emulator.restart()
    run = stack.api.finished(dag_id, run_id)
    return ended(stack, run, emulator.conn_id, collection_id, before)


@scenario
def marked_failed(stack: Stack) -> Waited:
    """A user marks a deferred task as failed, then clears it; the second attempt comes to its end."""
    dag_id, emulator = "system_ingest_deferred", stack.emulators["xai_marked"]
    collection_id = emulator.create_collection("marked")
    run_id = stack.begin(
        dag_id,
        {"conn_id": emulator.conn_id, "collection_id": collection_id, "documents": str(stack.documents)},
    )
    stack.api.in_state("deferred", dag_id, run_id, "ingest")
    links = stack.api.links(dag_id, run_id, "ingest")
    emulator.wait_for(batch_get_documents=2)
    with stack.triggerer_is_mine:
        stack.api.set_state("failed", dag_id, run_id, "ingest")
        run = stack.api.finished(dag_id, run_id)
        assert run["state"] == "failed"
        until(lambda: stack.api.task(dag_id, run_id, "ingest")["trigger"] is None, "the trigger is gone")
        task = stack.api.task(dag_id, run_id, "ingest")
        until(lambda: "cancelled while waiting" in stack.api.log(task, attempt=1), "the triggerer says why")
    looked = emulator.count("batch_get_documents")
    stack.api.clear(dag_id, run_id, "ingest")
    stack.api.in_state("deferred", dag_id, run_id, "ingest")
    emulator.wait_for(batch_get_documents=looked + LOOKS)
    before = endpoints(stack, emulator.conn_id)
    emulator.restart()
    run = stack.api.finished(dag_id, run_id)
    return ended(stack, run, emulator.conn_id, collection_id, before, links)


@scenario
def timed_out(stack: Stack) -> Waited:
    """Documents that are never processed."""
    dag_id, emulator = "system_ingest_timeout", stack.emulators["xai_timeout"]
    collection_id = emulator.create_collection("timeout")
    run_id = stack.begin(
        dag_id,
        {"conn_id": emulator.conn_id, "collection_id": collection_id, "documents": str(stack.documents)},
    )
    run = stack.api.finished(dag_id, run_id)
    return ended(stack, run, emulator.conn_id, collection_id, [])
