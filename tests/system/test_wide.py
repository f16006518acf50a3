"""A sync over two machines, with Celery: one of them dies in the middle, and the collection equals the source."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3

from tests.system.scenario import scenario
from tests.system.stack import WORKERS, Stack

APPLY, FINISH = "sync.apply", "sync.finish"
DOCUMENTS = 250
SHARDS = 10
#: Seconds that each request takes, so that there is a middle.
SLOW = 0.2
#: Uploads after which a machine dies: one of four at work on a part has done its share of them, and no part is done.
MIDDLE = 30
#: Documents that were cut off between upload and attach, at most: two tasks, each with two at a time.
CUT_OFF = 4


@dataclass(frozen=True)
class Wide:
    """The end of it.

    :param source: of each document its name, and the hash of what is in it.
    :param lost: the mapped tasks that ran on the machine that died, and that nobody has told of it yet.
    :param tries: all tries of the mapped tasks.
    :param result: what the last task returned.
    :param report: its lines.
    """

    source: dict[str, str]
    documents: list[dict[str, Any]]
    files: list[dict[str, Any]]
    requests: Counter[str]
    lost: set[int]
    tries: list[dict[str, Any]]
    result: dict[str, Any]
    report: list[dict[str, Any]]

    def done_on(self, machine: str) -> set[int]:
        """The mapped tasks that came to their end on a machine."""
        done = [each for each in self.tries if each["hostname"] == machine and each["state"] == "success"]
        return {each["map_index"] for each in done}


def write_source(folder: Path) -> dict[str, str]:
    """Documents of several sizes; of each its name, and the hash of what is in it."""
    folder.mkdir()
    source = {}
    for number in range(DOCUMENTS):
        content = f"# Day {number}\n\n" + f"Whale {number} was seen off Nantucket.\n" * (number % 7 + 1)
        name = f"day-{number:03}.md"
        (folder / name).write_text(content)
        source[name] = blake3(content.encode()).hexdigest()
    return source


@scenario
def wide(stack: Stack) -> Wide:
    """Two machines at work on parts of one plan; the first dies, for good."""
    emulator = stack.emulators["xai_wide"]
    emulator.break_down({"delay": SLOW})
    folder, workspace = stack.sources / "wide", stack.home / "workspace"
    source = write_source(folder)
    run = stack.api.trigger("system_wide", {"documents": str(folder), "workspace": str(workspace)})
    emulator.wait_for(upload_file=MIDDLE)
    dying, other = WORKERS

    def running(machine: str) -> set[int]:
        tasks = [task for task in run.tasks(APPLY) if task["state"] == "running"]
        return {task["map_index"] for task in tasks if task["hostname"] == machine}

    run.until(lambda: running(other) and running(dying), "is at work on both machines")
    stack.components[dying].kill()
    lost = running(dying)
    run.ends("success")
    (collection,) = emulator.collections()
    return Wide(
        source=source,
        documents=emulator.documents(collection["collection_id"]),
        files=emulator.files(),
        requests=emulator.asked(),
        lost=lost,
        tries=[each for task in run.tasks(APPLY) for each in run.tries(task)],
        result=run.result(FINISH),
        report=[json.loads(line) for line in (workspace / "report.jsonl").read_text().splitlines()],
    )


def test_the_machine_died_in_the_middle_and_the_other_did_its_parts(wide: Wide) -> None:
    dying, other = WORKERS
    assert wide.lost
    assert not wide.lost & wide.done_on(dying)
    again = {each["map_index"] for each in wide.tries if each["try_number"] > 1}
    assert wide.lost <= again <= wide.done_on(other)
    assert len({each["map_index"] for each in wide.tries}) == SHARDS


def test_each_document_is_there_once_as_its_file_and_processed(wide: Wide) -> None:
    held = sorted((each["file_metadata"]["name"], each["file_metadata"]["hash"]) for each in wide.documents)
    assert held == sorted(wide.source.items())
    assert {each["status"] for each in wide.documents} == {"DOCUMENT_STATUS_PROCESSED"}


def test_only_what_was_cut_off_is_done_twice_and_left_for_the_operator_that_deletes_unattached_files(
    wide: Wide,
) -> None:
    attached = {each["file_metadata"]["file_id"] for each in wide.documents}
    files = {each["id"] for each in wide.files}
    assert attached <= files
    assert len(files) <= DOCUMENTS + CUT_OFF
    assert wide.requests["add_document"] <= DOCUMENTS + CUT_OFF
    assert wide.requests["upload_file"] <= DOCUMENTS + CUT_OFF


def test_the_last_task_counts_for_all(wide: Wide) -> None:
    assert wide.result["documents"] == DOCUMENTS
    # What a task had added that died, its retry has kept.
    assert wide.result["added"] + wide.result["kept"] == DOCUMENTS
    assert sorted(line["name"] for line in wide.report) == sorted(wide.source)
    assert {line["outcome"] for line in wide.report} == {"processed"}
