"""A sync that is spread over two machines, one of which dies in the middle."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3

from tests.system.processes import until
from tests.system.scenario import scenario
from tests.system.stack import WORKERS, Stack

DAG = "system_wide"
APPLY, FINISH = "sync.apply", "sync.finish"
DOCUMENTS = 250
SHARDS = 10
#: Seconds that each request takes, so that there is a middle.
SLOW = 0.2
#: Uploads after which a machine dies: one of four at work on a part has done its share of them, and no part is done.
MIDDLE = 30


@dataclass(frozen=True)
class Wide:
    """The end of it.

    :param source: of each document its name, and the hash of what is in it.
    :param lost: the mapped tasks that ran on the machine that died, and that nobody has told of it yet.
    :param tries: all tries of the mapped tasks.
    :param result: what the last task returned.
    :param report: its lines.
    """

    run: dict[str, Any]
    story: str
    source: dict[str, str]
    documents: list[dict[str, Any]]
    files: list[dict[str, Any]]
    requests: Counter[str]
    lost: set[int]
    tries: list[dict[str, Any]]
    result: dict[str, Any]
    report: list[dict[str, Any]]

    def done_on(self, machine: str) -> list[dict[str, Any]]:
        """The tries that came to their end on a machine."""
        return [each for each in self.tries if each["hostname"] == machine and each["state"] == "success"]


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


def mapped(stack: Stack, run_id: str) -> list[dict[str, Any]]:
    return [task for task in stack.api.tasks(DAG, run_id) if task["task_id"] == APPLY]


def running(stack: Stack, run_id: str, machine: str) -> set[int]:
    """The mapped tasks that a machine is at work on."""
    tasks = mapped(stack, run_id)
    return {each["map_index"] for each in tasks if each["hostname"] == machine and each["state"] == "running"}


@scenario
def wide(stack: Stack) -> Wide:
    """Two machines at work on parts of one plan; the first dies, for good."""
    if not stack.has_celery:
        raise AssertionError("there are no machines: Celery wants a broker, and there is no Redis")
    emulator = stack.emulators["xai_wide"]
    emulator.break_down({"delay": SLOW})
    source = write_source(stack.sources / "wide")
    workspace = stack.home / "workspace"
    run_id = stack.begin(DAG, {"documents": str(stack.sources / "wide"), "workspace": str(workspace)})
    emulator.wait_for(upload_file=MIDDLE)
    dying, other = WORKERS

    def both() -> bool:
        return bool(running(stack, run_id, other) and running(stack, run_id, dying))

    until(both, "both machines apply the plan")
    stack.component(dying).kill()
    lost = running(stack, run_id, dying)
    run = stack.api.finished(DAG, run_id)
    story = stack.api.story(DAG, run_id)
    assert run["state"] == "success", story
    (collection,) = emulator.collections()
    requests = Counter(entry["endpoint"] for entry in emulator.requests())
    return Wide(
        run=run,
        story=story,
        source=source,
        documents=emulator.documents(collection["collection_id"]),
        files=emulator.files(),
        requests=requests,
        lost=lost,
        tries=[each for task in mapped(stack, run_id) for each in stack.api.tries(task)],
        result=stack.api.xcom(DAG, run_id, FINISH),
        report=[json.loads(line) for line in (workspace / "report.jsonl").read_text().splitlines()],
    )
