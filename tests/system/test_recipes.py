"""Every recipe of ``dags/`` runs green, started by a user and, if it waits for an asset, by that as well.

All run at once, as a user runs them, with what they need beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.emulators import RunningEmulator
from tests.system.processes import until
from tests.system.rest import Run
from tests.system.scenario import scenario
from tests.system.stack import RECIPES, Stack

#: Every recipe, without importing one: this is read before there is an Airflow.
DAG_IDS = sorted(
    dag_id for path in RECIPES.glob("*.py") for dag_id in re.findall(r'\bdag_id="(\w+)"', path.read_text())
)
#: Those that work on a collection which exists, and holds documents.
NEED_A_COLLECTION = {"xai_evaluation_on_event", "xai_reindex_after_chunking"}
#: Those that an asset starts.
WAIT_FOR_AN_ASSET = ["xai_evaluation_on_event", "xai_upstream_asset"]
#: One that takes the folder of a day.
NEEDS_DAYS = "xai_backfill_days"
#: Tasks that are skipped unless somebody asks for them.
NOT_BY_THEMSELVES = {"delete"}
HARBOUR = "# Harbour\n\nOpen from May to October.\n"


def prepare(emulator: RunningEmulator) -> None:
    """Provide what the recipes take for granted: collections, and files that another program has uploaded."""
    for dag_id in NEED_A_COLLECTION:
        emulator.attach(emulator.create_collection(dag_id), emulator.upload("harbour.md", HARBOUR))
    for month in ("may", "june"):
        emulator.upload(f"minutes-{month}.md", f"# Minutes of {month}\n\nNothing was decided.\n")


def recent_days(folder: Path) -> Path:
    """A folder for each day of which a run may be due now."""
    for age in range(-1, 4):
        day = folder / f"dt={datetime.now(UTC) - timedelta(days=age):%Y-%m-%d}"
        day.mkdir(parents=True, exist_ok=True)
        (day / "harbour.md").write_text(HARBOUR)
    return folder


def begin(stack: Stack, dag_id: str) -> Run:
    """Start a recipe, unless another story has, with a collection that no other works on."""
    documents = recent_days(stack.sources / "recent") if dag_id == NEEDS_DAYS else stack.documents
    ours = {"documents": str(documents), "collection_name": dag_id, "workspace": str(stack.home / "workspace")}
    known = stack.api.dag(dag_id)["params"] or {}
    return stack.begin_once(dag_id, {name: value for name, value in ours.items() if name in known})


@dataclass(frozen=True)
class Recipes:
    """The runs of all recipes: one for each, and one for each that waits for an asset. They may not be over."""

    by_user: dict[str, Run]
    by_asset: dict[str, Run]
    import_errors: list[dict[str, Any]]
    parsed: set[str]


def run_by_asset(stack: Stack, dag_id: str) -> Run:
    """The first run of a DAG that an asset has started, when there is one."""
    return until(lambda: stack.api.runs(dag_id, "asset_triggered"), f"an asset runs {dag_id}")[0]


@scenario
def recipes(stack: Stack) -> Recipes:
    prepare(stack.emulators["xai_collections_default"])
    return Recipes(
        by_user={dag_id: begin(stack, dag_id) for dag_id in DAG_IDS},
        by_asset={dag_id: run_by_asset(stack, dag_id) for dag_id in WAIT_FOR_AN_ASSET},
        import_errors=stack.api.get("/importErrors")["import_errors"],
        parsed={dag["dag_id"] for dag in stack.api.get("/dags", limit=100, bundle_name="recipes")["dags"]},
    )


def check(run: Run) -> None:
    """Green, and nothing was left out but what deletes only if it is told to."""
    run.ends("success")
    for task in run.tasks():
        assert task["state"] == ("skipped" if task["task_id"] in NOT_BY_THEMSELVES else "success"), run.story()


def test_airflow_knows_every_recipe(recipes: Recipes) -> None:
    assert not recipes.import_errors
    assert recipes.parsed == set(DAG_IDS)


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_recipe_runs_green(recipes: Recipes, dag_id: str) -> None:
    check(recipes.by_user[dag_id])


@pytest.mark.parametrize("dag_id", WAIT_FOR_AN_ASSET)
def test_an_asset_runs_a_recipe_that_waits_for_it(recipes: Recipes, dag_id: str) -> None:
    check(recipes.by_asset[dag_id])
