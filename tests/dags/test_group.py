"""xai_sync_group in a real Airflow: the last task runs whatever became of the parts, as long as there is a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import playing
from tests.dags.conftest import Only
from tests.operators.stage import Xai, write
from tests.operators.syncs import only_id

DAG = """
import pendulum
from airflow.providers.common.compat.sdk import AirflowSkipException, dag, task
from airflow_provider_xai_collections.operators.sync_group import xai_sync_group

PARAMS = {"documents": "", "workspace": "", "skip": False}

@task
def first(params):
    if params["skip"]:
        raise AirflowSkipException

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), params=PARAMS)
def group():
    first() >> xai_sync_group(
        source="{{ params.documents }}", collection_name="whales", workspace="{{ params.workspace }}",
        prune=True, overlap=0.1, poll_interval=0.1,
    )

group()
"""
LAST_RUN = "SELECT max(id) FROM dag_run WHERE dag_id = 'group'"
STATES = f"""
SELECT task_id, state FROM task_instance WHERE run_id = (SELECT run_id FROM dag_run WHERE id = ({LAST_RUN}))
AND dag_id = 'group'
"""


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",))])
def test_the_last_task_removes_after_a_failed_part_is_skipped_with_the_plan_and_fails_with_it(
    xai: Xai, only: Only, tmp_path: Path
) -> None:
    many = write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(30)})
    own = only(DAG)

    def run(**changes: Any) -> tuple[dict[str, str], str]:
        params = {"documents": str(many), "workspace": str(tmp_path / "workspace"), **changes}
        said = own.test("group", params, fails=None)
        return {task_id.removeprefix("sync."): state for task_id, state in own.ask(STATES)}, said

    states, said = run()
    assert set(states.values()) == {"success"}, said
    (many / "00.md").unlink()
    write(many, {"bad.md": "a bad whale"})
    states, said = run()
    assert (states["apply"], states["finish"]) == ("failed", "failed"), said
    assert {"00.md", "01.md"} & set(xai.names(only_id(xai))) == {"01.md"}
    states, said = run(skip=True)
    assert set(states.values()) == {"skipped"}, said
    states, said = run(documents=str(tmp_path / "nowhere"))
    assert (states["plan"], states["finish"]) == ("failed", "failed"), said
    assert "there is no plan: the first task of the group has failed" in said
