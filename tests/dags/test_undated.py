"""Every recipe works in a run without a logical date, such as Airflow 3 makes for users and for assets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Airflow, migrated
from tests.dags.test_dags import FILES, load
from tests.operators.stage import AIRFLOW_2, Xai, write

pytestmark = pytest.mark.skipif(AIRFLOW_2, reason="before Airflow 3, every run has a date")

# Of a run with a deadline, `dags test` of Airflow 3.3.2 fails when all tasks are over: see test_alerts.
DAGS = {dag_id: path for path in FILES for dag_id in load(path).dags if dag_id != "xai_deadline_alert"}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """With a database of its own: tests of recipes look at all runs that theirs has."""
    yield from migrated(tmp_path_factory.mktemp("undated"))


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of documents, which has a folder for each day as well."""
    # A test that begins before midnight may end after it.
    days = [datetime.now(UTC).date() - timedelta(days=number) for number in (0, 1)]
    return write(tmp_path / "documents", {"a.md": "alpha", **{f"dt={day}/log.md": f"log of {day}" for day in days}})


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_it_runs(xai: Xai, airflow: Airflow, documents: Path, tmp_path: Path, dag_id: str) -> None:
    there = {"documents": str(documents), "workspace": str(tmp_path / "workspace")}
    xai.collection("library")  # whose chunking one of them changes; the others create theirs
    params: dict[str, Any] = {name: there[name] for name in there if name in load(DAGS[dag_id]).dags[dag_id].params}
    airflow.test(dag_id, params, undated=True)


def test_a_backfill_that_is_triggered_by_hand_takes_the_day_that_is_over(
    xai: Xai, airflow: Airflow, documents: Path
) -> None:
    before = datetime.now(UTC).date()
    airflow.test("xai_backfill_days", {"documents": str(documents)}, undated=True)
    [collection] = xai.hook.find_collections(collection_name="days")
    [document] = xai.documents(collection.collection_id)
    over = {(day - timedelta(days=1)).isoformat() for day in (before, datetime.now(UTC).date())}
    assert document.fields["airflow_source_uri"] in {(documents / f"dt={day}" / "log.md").as_uri() for day in over}
