"""``airflow backfill create`` of ten days: once, again with nothing to do, and of some after one file has changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system.emulators import RunningEmulator
from tests.system.processes import until
from tests.system.scenario import scenario
from tests.system.scenarios.recipes import begin
from tests.system.stack import Stack

DAG = "xai_backfill_days"
COLLECTION = "ten days"
DAYS = [f"2026-02-{day:02}" for day in range(1, 11)]
CHANGED = f"dt={DAYS[4]}/evening.md"
#: Bytes, at least, of a document here. Any that other stories send to the same emulator is smaller, so its log of
#: requests tells ours.
LARGE = 50_000


@dataclass(frozen=True)
class Backfilled:
    """The end of a backfill.

    :param changes: requests to our collection that change something, by endpoint, with what was uploaded.
    :param contents: the hash of each document that the collection holds now, by source URI.
    """

    states: Counter[str]
    changes: Counter[str]
    contents: dict[str, str]
    documents: int
    story: str


@dataclass(frozen=True)
class Backfills:
    """Two backfills of ten days, and one of some of them.

    :param folder: where the folders of the days are, as they are at the end.
    :param collections: how many carry the name.
    """

    folder: Path
    first: Backfilled
    again: Backfilled
    changed: Backfilled
    collections: int


def entry_of(day: str, time: str) -> str:
    line = f"At sea on {day}, in the {time}: a whale was seen off Nantucket.\n"
    return f"# {day}, {time}\n\n" + line * (LARGE // len(line) + 1)


def changes(emulator: RunningEmulator, collection_id: str, since: int) -> Counter[str]:
    """Return what was changed in a collection by requests later than ``since``."""
    new = [entry for entry in emulator.requests() if entry["n"] > since]
    of_collection = ("upload_document", "add_document", "remove_document")
    return Counter(
        entry["endpoint"]
        for entry in new
        if (entry["endpoint"] in of_collection and entry["ids"]["collection_id"] == collection_id)
        or (entry["endpoint"] == "upload_file" and entry["bytes_in"] >= LARGE)
    )


def backfill(stack: Stack, emulator: RunningEmulator, folder: Path, days: Sequence[str]) -> Backfilled:
    """One backfill, to its end."""
    since = max((entry["n"] for entry in emulator.requests()), default=0)
    begun = {each["id"] for each in stack.api.backfills(DAG)}
    stack.airflow(
        *("backfill", "create", "--dag-id", DAG, "--from-date", days[0], "--to-date", days[-1]),
        *("--max-active-runs", str(len(days)), "--reprocess-behavior", "completed"),
        *("--dag-run-conf", json.dumps({"collection_name": COLLECTION, "documents": str(folder)})),
    )
    (mine,) = {each["id"] for each in stack.api.backfills(DAG)} - begun

    def look() -> bool:
        return bool(next(each for each in stack.api.backfills(DAG) if each["id"] == mine)["completed_at"])

    until(look, f"backfill {mine} of {DAG} is over")
    runs = [run for run in stack.api.runs(DAG) if run["run_type"] == "backfill"]
    found = [entry["collection_id"] for entry in emulator.collections() if entry["collection_name"] == COLLECTION]
    documents = [document for collection_id in found for document in emulator.documents(collection_id)]
    return Backfilled(
        states=Counter(run["state"] for run in runs),
        changes=sum((changes(emulator, collection_id, since) for collection_id in found), Counter()),
        contents={each["fields"]["airflow_source_uri"]: each["file_metadata"]["hash"] for each in documents},
        documents=len(documents),
        story="\n".join(stack.api.story(DAG, run["dag_run_id"]) for run in runs if run["state"] != "success"),
    )


@scenario
def backfills(stack: Stack) -> Backfills:
    """Ten days at once into one collection which is not there yet."""
    emulator = stack.emulators["xai_collections_default"]
    folder = stack.sources / "days"
    for day in DAYS:
        (folder / f"dt={day}").mkdir(parents=True)
        for time in ("morning", "evening"):
            (folder / f"dt={day}" / f"{time}.md").write_text(entry_of(day, time))
    until(lambda: DAG in stack.api.dag_ids(), f"the DAG {DAG} is parsed")
    begin(stack, DAG)  # of a DAG that is paused, a backfill waits
    first = backfill(stack, emulator, folder, DAYS)
    again = backfill(stack, emulator, folder, DAYS)
    (folder / CHANGED).write_text(entry_of(DAYS[4], "evening, and better seen"))
    changed = backfill(stack, emulator, folder, DAYS[3:6])
    names = [entry["collection_name"] for entry in emulator.collections()]
    return Backfills(folder, first, again, changed, names.count(COLLECTION))
