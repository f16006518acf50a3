"""The recipes in ``dags/``, as a user runs them: all at once, with what they need beforehand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.system.emulators import RunningEmulator
from tests.system.processes import until
from tests.system.scenario import scenario
from tests.system.stack import RECIPES, Stack

#: Every recipe, without importing one: this is read before there is an Airflow.
DAG_IDS = sorted(
    dag_id for path in RECIPES.glob("*.py") for dag_id in re.findall(r'\bdag_id="(\w+)"', path.read_text())
)
#: Those that work on a collection which exists, and holds documents.
NEED_A_COLLECTION = {"xai_evaluation_on_event", "xai_reindex_after_chunking"}
#: One that takes files which another program has uploaded.
NEEDS_FILES = "xai_attach_files"
#: Tasks that are skipped unless somebody asks for them.
NOT_BY_THEMSELVES = {"delete"}
#: One that takes the folder of a day.
NEEDS_DAYS = "xai_backfill_days"


def prepare(emulator: RunningEmulator) -> None:
    """Provide what the recipes take for granted."""
    for dag_id in NEED_A_COLLECTION:
        collection_id = emulator.create_collection(dag_id)
        emulator.attach(collection_id, [emulator.upload("harbour.md", "# Harbour\n\nOpen from May to October.\n")])
    for month in ("may", "june"):
        emulator.upload(f"minutes-{month}.md", f"# Minutes of {month}\n\nNothing was decided.\n")


def parameters(stack: Stack, dag_id: str) -> dict[str, Any]:
    """The parameters of a run: a folder that is there, and a collection that no other recipe works on."""
    documents = recent_days(stack.sources / "recent") if dag_id == NEEDS_DAYS else stack.documents
    ours = {"documents": str(documents), "collection_name": dag_id, "workspace": str(stack.home / "workspace")}
    known = stack.api.dag(dag_id)["params"] or {}
    return {name: value for name, value in ours.items() if name in known}


def recent_days(folder: Path) -> Path:
    """A folder for each day of which a run may be due now."""
    for age in range(-1, 4):
        day = folder / f"dt={datetime.now(UTC) - timedelta(days=age):%Y-%m-%d}"
        day.mkdir(parents=True, exist_ok=True)
        (day / "harbour.md").write_text("# Harbour\n\nOpen from May to October.\n")
    return folder


def begin(stack: Stack, dag_id: str) -> str:
    """Start a recipe, unless another story has; the id of its run."""
    return stack.begin_once(dag_id, parameters(stack, dag_id))


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    run: dict[str, Any]
    tasks: list[dict[str, Any]]
    story: str

    @classmethod
    def of(cls, stack: Stack, dag_id: str, run_id: str) -> Ended:
        run = stack.api.finished(dag_id, run_id)
        return cls(run, stack.api.tasks(dag_id, run_id), stack.api.story(dag_id, run_id))

    def check(self) -> None:
        """Green, and nothing was left out but what deletes only if it is told to."""
        assert self.run["state"] == "success", self.story
        for task in self.tasks:
            wanted = "skipped" if task["task_id"] in NOT_BY_THEMSELVES else "success"
            assert task["state"] == wanted, self.story


@dataclass(frozen=True)
class Recipes:
    """The runs of all recipes.

    :param by_user: one for each.
    :param by_asset: one for each that waits for an asset.
    """

    by_user: dict[str, Ended]
    by_asset: dict[str, Ended]
    import_errors: list[dict[str, Any]]
    parsed: set[str]


def run_by_asset(stack: Stack, dag_id: str) -> str:
    """The first run of a DAG that an asset has started, when there is one."""

    def look() -> str | None:
        runs = (run["dag_run_id"] for run in stack.api.runs(dag_id) if run["run_type"] == "asset_triggered")
        return next(runs, None)

    return until(look, f"an asset runs {dag_id}")


@scenario
def recipes(stack: Stack) -> Recipes:
    """All recipes at once."""
    prepare(stack.emulators["xai_collections_default"])
    until(lambda: set(DAG_IDS) <= set(stack.api.dag_ids()), "all recipes are parsed")
    begun = {dag_id: begin(stack, dag_id) for dag_id in DAG_IDS}
    by_user = {dag_id: Ended.of(stack, dag_id, run_id) for dag_id, run_id in begun.items()}
    waiting = [dag_id for dag_id in DAG_IDS if stack.api.dag(dag_id)["asset_expression"]]

    return Recipes(
        by_user=by_user,
        by_asset={dag_id: Ended.of(stack, dag_id, run_by_asset(stack, dag_id)) for dag_id in waiting},
        import_errors=stack.api.get("/importErrors")["import_errors"],
        parsed={dag["dag_id"] for dag in stack.api.get("/dags", limit=100, bundle_name="recipes")["dags"]},
    )
