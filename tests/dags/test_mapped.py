"""Mapped tasks, the decorator and very many documents in a real Airflow: what its database holds afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import playing
from tests.dags.conftest import Only
from tests.operators.stage import Xai

#: More than one trigger may list.
MANY = 200
DAG = f"""
import pendulum
from airflow.providers.common.compat.sdk import dag, task
from airflow_provider_xai_collections.batches import batches
from airflow_provider_xai_collections.decorators.ingest import Content
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), params={{"collection_id": "", "documents": ""}})
def mapped():
    where = {{"collection_id": "{{{{{{{{ params.collection_id }}}}}}}}", "poll_interval": 0.1}}
    names = ["a.md", "b.txt", "deep/c.md"]
    paths = ["{{{{{{{{ params.documents }}}}}}}}/" + name for name in names]
    XAIIngestDocumentsOperator.partial(task_id="files", deferrable=True, **where).expand(paths=batches(paths, size=2))
    XAIIngestDocumentsOperator.partial(
        task_id="named", map_index_template="mine: {{{{{{{{ task.scope }}}}}}}}", scope="again", **where
    ).expand(paths=batches(paths, at_most=1))

    @task.xai_ingest(**where)
    def letter(to):
        return Content(name=to + ".md", data="Dear " + to)

    letter.expand(to=["Ahab", "Ishmael"])

    @task.xai_ingest(deferrable=True, **where)
    def very_many():
        return [Content(name=str(number) + ".md", data="no " + str(number)) for number in range({MANY})]

    very_many()

mapped()
""".replace("{{{{", "{{").replace("}}}}", "}}")


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
def test_mapped_tasks_name_themselves_and_no_row_grows(xai: Xai, folder: Path, only: Only) -> None:
    whales = xai.collection()
    own = only(DAG)
    own.test("mapped", {"collection_id": whales, "documents": str(folder)})
    assert len(xai.names(whales)) == 3 + 3 + 2 + MANY
    named = own.ask(
        "SELECT task_id, rendered_map_index FROM task_instance WHERE dag_id = 'mapped' AND map_index >= 0 "
        "ORDER BY task_id, map_index"
    )
    xcoms = own.ask("SELECT key, length(value) FROM xcom WHERE dag_id = 'mapped'")
    assert named == [
        ("files", "a.md … b.txt (2)"),
        ("files", "c.md"),
        ("letter", "Ahab"),
        ("letter", "Ishmael"),
        ("named", "mine: again"),
    ]
    names_and_hashes = [size for key, size in xcoms if key == "xai_documents"]
    assert len(names_and_hashes) == 1, "only where a function's documents are waited for in the triggerer"
    assert names_and_hashes[0] < MANY * 512
    assert max(size for key, size in xcoms if key != "xai_documents") < 16 * 1024
