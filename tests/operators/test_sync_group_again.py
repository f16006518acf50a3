"""The three tasks of xai_sync_group when something changes or dies between them: whichever try does it, it counts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from tests.conftest import Connect
from tests.operators.stage import Xai, write
from tests.operators.syncs import by_name, contents, counts, report_of
from tests.operators.workers import CHANGED, Cluster, change, cluster, many

__all__ = ["cluster", "many"]


@pytest.mark.parametrize(
    ("cut", "number"), [("before", 1), ("before", 10), ("before", 75), ("after", 7), ("after", 8), ("after", 60)]
)
def test_a_part_that_dies_is_carried_on_and_the_whole_counts_right(
    xai: Xai, connect: Connect, cluster: Cluster, many: Path, tmp_path: Path, number: int, cut: Any
) -> None:
    connect(retry_attempts=1)
    cluster.run()
    wanted = change(many)
    cluster.arguments = {"prune": True, "concurrency": 1}
    xai.forget()
    parts = cluster.plan()
    xai.emulator.set_faults(FaultRule(nth=(number,), cut=cut), FaultRule(nth=tuple(range(number, 1000)), cut="before"))
    with suppress(XAIError):
        cluster.apply(0)
    xai.emulator.set_faults()
    cluster.apply(0, try_number=2)
    for shard in parts[1:]:
        cluster.apply(shard)
    manifest = cluster.finish(report=tmp_path / "report.jsonl")
    assert counts(manifest) == CHANGED
    assert contents(xai, manifest["collection_id"]) == wanted
    assert len(xai.unattached(manifest["collection_id"])) <= 1, "nothing is sent twice but what was on its way"
    assert len(by_name(report_of(tmp_path / "report.jsonl"), "removed")["00.md"]) == 1


def test_a_last_task_that_runs_again_says_the_same(xai: Xai, cluster: Cluster, many: Path) -> None:
    cluster.run()
    change(many)
    for shard in cluster.plan():
        cluster.apply(shard)
    first = cluster.finish()
    assert cluster.finish(try_number=2) == first


def test_a_source_that_changes_after_the_plan_is_taken_by_the_retry(xai: Xai, cluster: Cluster, many: Path) -> None:
    parts = cluster.plan()
    write(many, {"00.md": "no 0, second edition"})
    (many / "01.md").unlink()
    done: list[int] = []
    for shard in parts:
        with suppress(XAIError):
            cluster.apply(shard)
            done.append(shard)
    assert len(done) < len(parts)
    for shard in set(parts) - set(done):
        cluster.apply(shard, try_number=2)
    manifest = cluster.finish()
    assert counts(manifest) == {"documents": 60, "added": 59}
    assert contents(xai, manifest["collection_id"])["00.md"] == "no 0, second edition"


def test_a_source_that_changes_after_its_part_is_the_next_runs_business(xai: Xai, cluster: Cluster, many: Path) -> None:
    for shard in cluster.plan():
        cluster.apply(shard)
    write(many, {"00.md": "no 0, second edition", "new.md": "new"})
    (many / "01.md").unlink()
    assert counts(cluster.finish()) == {"documents": 60, "added": 60}
    assert counts(cluster.run()) == {"documents": 60, "added": 1, "replaced": 1, "kept": 58, "outdated_removed": 1, "left": 1}


def test_a_document_that_somebody_removed_meanwhile_is_missed(xai: Xai, cluster: Cluster) -> None:
    for shard in cluster.plan():
        cluster.apply(shard)
    whales = cluster.planned["manifest"]["collection_id"]
    xai.hook.remove_document(collection_id=whales, file_id=xai.documents(whales)[0].file_id)
    with pytest.raises(XAIError, match=r"1 of 60 documents are not .*: 00\.md: it is no longer in the collection"):
        cluster.finish()


def test_a_part_that_nobody_worked_on_is_missed(xai: Xai, cluster: Cluster) -> None:
    """A user may mark a task as done."""
    parts = cluster.plan()
    for shard in parts[1:]:
        cluster.apply(shard)
    with pytest.raises(XAISourceError, match=r"report-0000\.jsonl cannot be read .*Check that it was written"):
        cluster.finish()


def test_a_key_that_is_refused_ends_a_part_at_once(xai: Xai, cluster: Cluster) -> None:
    cluster.plan()
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=401))
    with pytest.raises(XAIFailException, match="401"):
        cluster.apply(0)
    assert 1 <= xai.emulator.count("upload_document") < 5
