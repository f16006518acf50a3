"""The recipes that tell people, in a real Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import playing
from tests.dags.conftest import Airflow
from tests.operators.stage import AIRFLOW_2, Xai, write


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",))])
def test_failed_documents_are_told_of_whether_the_task_succeeds_or_fails(
    xai: Xai, airflow: Airflow, tmp_path: Path
) -> None:
    write(tmp_path / "docs", {"good.md": "alpha", "bad.md": "beta"})
    params = {"documents": str(tmp_path / "docs"), "reports": str(tmp_path / "reports"), "collection_name": "told"}
    said = airflow.test("xai_alert_failed_documents", params)
    assert "Documents that failed: 1\nbad.md: " in said.replace("\\n", "\n")
    write(tmp_path / "docs", {"bad too.md": "gamma"})
    said = airflow.test("xai_alert_failed_documents", params, fails=True)
    assert "Documents that failed: 2\nbad" in said.replace("\\n", "\n")
    (tmp_path / "docs" / "bad.md").unlink()
    (tmp_path / "docs" / "bad too.md").unlink()
    assert "Documents that failed" not in airflow.test("xai_alert_failed_documents", params)


def test_a_sync_with_a_deadline_runs_on_every_airflow(xai: Xai, folder: Path, airflow: Airflow) -> None:
    params = {"documents": str(folder), "collection_name": "timely"}
    for _ in range(2):
        # Of a run with a deadline, `dags test` of Airflow 3.3.2 fails when all tasks are over: DeadlineAlert.get_by_id
        # is given the alert instead of its id. A scheduler does not.
        airflow.test("xai_deadline_alert", params, fails=False if AIRFLOW_2 else None)
    assert xai.emulator.count("upload_document") == 3
