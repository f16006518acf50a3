"""Waits in the triggerer: many at once, over its death, ended by a user, ended by time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.system.scenario import scenario
from tests.system.stack import TEXTS, Stack

FORTY = 40
#: How often a wait looks before it may be over; see ``LONG_ENOUGH``.
LOOKS = 5
NOTES = [f"note-{number:02}.md" for number in range(FORTY)]


@dataclass(frozen=True)
class Waited:
    """The end of deferred tasks that ended well.

    :param before: what the emulator had been asked when it let the documents go, and ``after``: what then.
    :param documents: the names of all that the collection holds.
    """

    tasks: list[dict[str, Any]]
    before: Counter[str]
    after: Counter[str]
    documents: list[str]

    def check(self, names: list[str]) -> None:
        """Every document is there, and was uploaded and attached once, before the end."""
        assert (self.before["upload_file"], self.before["add_document"]) == (len(names), len(names))
        assert not {"upload_file", "add_document"} & set(self.after)
        assert sorted(self.documents) == sorted(names)


@scenario
def forty_waits(stack: Stack) -> Waited:
    """Forty deferred tasks; the triggerer dies, and starts again; then the documents are processed."""
    emulator = stack.emulators["xai_forty"]
    folder = stack.sources / "forty"
    folder.mkdir()
    for name in NOTES:
        (folder / name).write_text(f"# {name}\n\nA whale was seen off Nantucket.\n")
    run, collection_id = stack.ingest("system_ingest_mapped", "xai_forty", folder)

    def all_wait() -> bool:
        return [task["state"] for task in run.tasks("ingest")].count("deferred") == FORTY

    run.until(all_wait, "has forty deferred tasks at once")
    emulator.wait_for(batch_get_documents=2 * FORTY)
    with stack.triggerer_is_mine:
        triggerer = stack.components["triggerer"]
        triggerer.kill()
        looked = emulator.asked()["batch_get_documents"]
        assert all_wait()
        triggerer.start()
        emulator.wait_for(batch_get_documents=looked + FORTY)
    before = emulator.asked()
    emulator.restart()
    run.ends("success")
    names = [document["file_metadata"]["name"] for document in emulator.documents(collection_id)]
    return Waited(run.tasks("ingest"), before, emulator.asked(), names)


def test_forty_waits_outlive_the_triggerer_and_nothing_is_done_twice(forty_waits: Waited) -> None:
    assert [task["try_number"] for task in forty_waits.tasks] == FORTY * [1]
    forty_waits.check(NOTES)


def test_mapped_tasks_are_called_after_their_documents(forty_waits: Waited) -> None:
    assert sorted(task["rendered_map_index"] for task in forty_waits.tasks) == NOTES


@scenario
def marked_failed(stack: Stack) -> Waited:
    """A user marks a deferred task as failed, then clears it; the second attempt comes to its end."""
    emulator = stack.emulators["xai_marked"]
    run, collection_id = stack.ingest("system_ingest_deferred", "xai_marked")
    run.reaches("deferred", "ingest")
    (link,) = run.links("ingest").values()
    assert f"/c/{collection_id}?conn=xai_marked" in link, "the link is there while the task waits"
    emulator.wait_for(batch_get_documents=2)
    with stack.triggerer_is_mine:
        run.mark("failed", "ingest")
        run.ends("failed")
        run.until(lambda: run.task("ingest")["trigger"] is None, "has no trigger any more")
        said = f"cancelled while waiting for {len(TEXTS)} documents. Indexing goes on at xAI"
        run.until(lambda: said in run.log(run.task("ingest"), attempt=1), f"says '{said}'")
    looked = emulator.asked()["batch_get_documents"]
    run.clear("ingest")
    run.reaches("deferred", "ingest")
    emulator.wait_for(batch_get_documents=looked + LOOKS)
    before = emulator.asked()
    emulator.restart()
    run.ends("success")
    names = [document["file_metadata"]["name"] for document in emulator.documents(collection_id)]
    return Waited(run.tasks("ingest"), before, emulator.asked(), names)


def test_a_cleared_task_waits_on_for_what_the_marked_one_had_begun(marked_failed: Waited) -> None:
    marked_failed.check([*TEXTS])


@scenario
def timed_out(stack: Stack) -> str:
    """Documents that are never processed; the log of the task."""
    run, _ = stack.ingest("system_ingest_timeout", "xai_timeout")
    run.ends("failed")
    task = run.task("ingest")
    assert task["state"] == "failed"
    return run.log(task, attempt=1)


def test_a_deferred_task_fails_when_its_time_is_over_and_says_so(timed_out: str) -> None:
    assert "XAITimeoutError" in timed_out
    assert "time ran out (timeout is " in timed_out
    assert f"{len(TEXTS)} of {len(TEXTS)} documents still in progress" in timed_out
    # The trigger keeps the time; Airflow's own limit lies behind it and would know no reason.
    assert "Trigger timeout" not in timed_out
