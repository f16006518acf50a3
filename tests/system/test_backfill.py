"""``airflow backfill create`` of ten days: runs in parallel, one collection, and nothing is done twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from tests.system.processes import until
from tests.system.scenario import scenario
from tests.system.stack import Stack
from tests.system.test_recipes import begin

DAG = "xai_backfill_days"
COLLECTION = "ten days"
DAYS = [f"2026-02-{day:02}" for day in range(1, 11)]
CHANGED = f"dt={DAYS[4]}/evening.md"


@dataclass(frozen=True)
class Backfilled:
    """The end of a backfill.

    :param changes: requests that changed the collection, by endpoint.
    :param contents: the source URI of each document that the collection holds now, with the hash of its content.
    :param wanted: the same of the files.
    """

    changes: Counter[str]
    contents: list[tuple[str, str]]
    wanted: list[tuple[str, str]]


def entry_of(day: str, time: str) -> str:
    return f"# {day}, {time}\n\nAt sea on {day}, in the {time}: a whale was seen off Nantucket.\n"


def backfill(stack: Stack, folder: Path, days: Sequence[str]) -> Backfilled:
    """One backfill, to its end, which must be green."""
    emulator = stack.emulators["xai_collections_default"]
    since = max((entry["n"] for entry in emulator.requests()), default=0)
    begun = [each["id"] for each in stack.api.get("/backfills", dag_id=DAG)["backfills"]]
    stack.airflow(
        *("backfill", "create", "--dag-id", DAG, "--from-date", days[0], "--to-date", days[-1]),
        *("--max-active-runs", str(len(days)), "--reprocess-behavior", "completed"),
        *("--dag-run-conf", json.dumps({"collection_name": COLLECTION, "documents": str(folder)})),
    )

    def is_over() -> bool:
        backfills = stack.api.get("/backfills", dag_id=DAG)["backfills"]
        (mine,) = (each for each in backfills if each["id"] not in begun)
        return bool(mine["completed_at"])

    until(is_over, f"the backfill of {days} is over")
    runs = stack.api.runs(DAG, "backfill")
    assert len(runs) == len(DAYS)
    for run in runs:
        run.ends("success")
    # Runs in parallel make one collection.
    (collection_id,) = (
        each["collection_id"] for each in emulator.collections() if each["collection_name"] == COLLECTION
    )
    changes = Counter(
        entry["endpoint"]
        for entry in emulator.requests()
        if entry["n"] > since
        and entry["endpoint"] in ("upload_document", "add_document", "remove_document")
        and entry["ids"]["collection_id"] == collection_id
    )
    documents = emulator.documents(collection_id)
    contents = [(each["fields"]["airflow_source_uri"], each["file_metadata"]["hash"]) for each in documents]
    wanted = [(path.as_uri(), blake3(path.read_bytes()).hexdigest()) for path in folder.rglob("*.md")]
    return Backfilled(changes, sorted(contents), sorted(wanted))


@scenario
def backfills(stack: Stack) -> list[Backfilled]:
    """Ten days at once into one collection which is not there yet; again; and some, after one file has changed."""
    folder = stack.sources / "days"
    for day in DAYS:
        (folder / f"dt={day}").mkdir(parents=True)
        for time in ("morning", "evening"):
            (folder / f"dt={day}" / f"{time}.md").write_text(entry_of(day, time))
    begin(stack, DAG)  # of a DAG that is paused, a backfill waits
    first = backfill(stack, folder, DAYS)
    again = backfill(stack, folder, DAYS)
    (folder / CHANGED).write_text(entry_of(DAYS[4], "evening, and better seen"))
    return [first, again, backfill(stack, folder, DAYS[3:6])]


def test_the_collection_equals_the_files_after_each(backfills: list[Backfilled]) -> None:
    for each in backfills:
        assert each.contents == each.wanted


def test_all_is_uploaded_once_then_nothing_then_what_has_changed(backfills: list[Backfilled]) -> None:
    # The old version of a document goes with its file: no other request is about the collection.
    assert [each.changes for each in backfills] == [{"upload_document": 2 * len(DAYS)}, {}, {"upload_document": 1}]
