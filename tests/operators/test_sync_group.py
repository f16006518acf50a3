"""xai_sync_group: the tasks it puts into a DAG, and what these do together, run as Airflow runs them."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
    xai_sync_group,
)
from tests.conftest import playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import AIRFLOW_2, Xai, run, write
from tests.operators.syncs import by_name, contents, counts, only_id, report_of, sync, writes
from tests.operators.workers import CHANGED, Cluster, change, cluster, many

__all__ = ["cluster", "many"]

# In a DAG

START = pendulum.datetime(2026, 1, 1, tz="UTC")
GIVEN: dict[str, Any] = {"source": "/documents", "collection_name": "whales", "workspace": "/workspace"}


def dag_of(**arguments: Any) -> Any:
    with DAG("library", schedule=None, start_date=START) as dag:
        xai_sync_group(**{**GIVEN, **arguments})
    return dag


def test_it_has_three_tasks_one_of_them_mapped_and_the_last_one_runs_in_any_case() -> None:
    tasks = {task.task_id: task for task in dag_of().tasks}
    assert list(tasks) == ["sync.plan", "sync.apply", "sync.finish"]
    assert isinstance(tasks["sync.plan"], XAIPlanSyncOperator)
    assert tasks["sync.apply"].operator_class is XAIApplySyncOperator
    assert tasks["sync.apply"].map_index_template == "{{ task.part_name }}"
    assert XAIApplySyncOperator(task_id="apply", planned={}, shard=6, source="/").part_name == "part 7", "at least"
    assert isinstance(tasks["sync.finish"], XAIFinishSyncOperator)
    assert tasks["sync.apply"].upstream_task_ids == {"sync.plan"}
    assert tasks["sync.finish"].upstream_task_ids == {"sync.plan", "sync.apply"}
    assert tasks["sync.finish"].trigger_rule == "all_done"


def test_what_nobody_has_given_is_for_the_default_args_to_say() -> None:
    default_args = {"conn_id": "xai_books", "concurrency": 2, "scope": "books", "prune": True}
    given: dict[str, Any] = {"scope": "letters", "prune": False}  # prune as it is without default_args
    with DAG("library", schedule=None, start_date=START, default_args=default_args) as dag:
        xai_sync_group(**GIVEN, **given)
    plan, apply, finish = dag.tasks
    for task in (plan, apply.unmap({"shard": 0}), finish):
        assert {name: getattr(task, name) for name in default_args} == default_args | given


def test_two_groups_of_a_dag_have_names_of_their_own() -> None:
    with DAG("library", schedule=None, start_date=START) as dag:
        xai_sync_group("books", **GIVEN) >> xai_sync_group("letters", **GIVEN)
    assert dag.get_task("letters.plan").upstream_task_ids == {"books.finish"}
    finish: Any = dag.get_task("letters.finish")
    assert "letters.plan" in finish.planned


def test_each_task_is_given_what_it_needs() -> None:
    ours: Any = create_asset(collection_id="collection_1")
    report = "/reports/{{ ds }}.jsonl"
    shared: dict[str, Any] = {"prune": True, "retries": 5, "team_id": "team_7"}
    dag = dag_of(shards=7, report=report, outlets=[ours], max_active_tis_per_dagrun=3, **shared)
    plan, apply, finish = (dag.get_task(f"sync.{name}") for name in ("plan", "apply", "finish"))
    assert (plan.shards, plan.workspace, finish.report) == (7, "/workspace", report)
    expected = {"source": "/documents", "collection_name": "whales", **shared}
    for task in (plan, finish):
        assert {name: getattr(task, name) for name in expected} == expected
    assert {name: apply.partial_kwargs[name] for name in expected} == expected
    assert apply.max_active_tis_per_dagrun == 3
    assert (plan.outlets, apply.outlets, finish.outlets) == ([], [], [ours])


@pytest.mark.parametrize("wrong", ["deferrable", "dry_run", "prone"])
def test_what_no_task_of_it_takes_is_refused_when_the_dag_is_read(wrong: str) -> None:
    with pytest.raises(Exception, match=wrong):
        dag_of(**{wrong: True})


def serialized(dag: Any) -> str:
    """Return what Airflow keeps of a DAG; what differs from parse to parse it takes for a new version."""
    module = import_module("airflow.serialization.serialized_objects")
    kept = (module.SerializedDAG if AIRFLOW_2 else module.DagSerialization).to_dict(dag)
    return json.dumps(kept, sort_keys=True, default=str)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_function_for_the_fields_makes_no_new_version_of_the_dag(wrapped: bool) -> None:
    def parsed() -> Any:
        def nested(source: Any) -> dict[str, str]:
            return {"name": source.name}

        fields: Any = partial(nested) if wrapped else nested
        dag = dag_of(fields=fields)
        XAISyncCollectionOperator(task_id="one", source="/", collection_name="w", fields=fields, dag=dag)
        return dag

    first, again = parsed(), parsed()  # both alive, or the second may get the first one's addresses
    assert serialized(first) == serialized(again)
    assert " at 0x" not in serialized(first)


# Together


def test_together_they_do_what_the_operator_does(xai: Xai, cluster: Cluster, many: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    first = cluster.run()
    assert counts(first) == {"documents": 60, "added": 60}
    assert (first["created"], first["bytes"]) == (True, sum(len(f"no {number}") for number in range(60)))
    cluster.arguments = {"prune": True}
    wanted = change(many)
    second = cluster.run(report=report)
    assert counts(second) == CHANGED
    assert (second["report"], second["bytes"]) == (str(report), 30 * len("no 1, second edition") + 20 + 3)
    whales = second["collection_id"]
    assert contents(xai, whales) == wanted
    assert len(xai.names(whales)) == len(wanted)
    assert xai.unattached(whales) == []
    lines = by_name(report_of(report), "action", "outcome")
    assert len(report_of(report)) == len(lines) == 62
    assert (lines["00.md"], lines["new.md"]) == (("replace", "processed"), ("add", "processed"))
    assert (lines["40.md"], lines["empty.md"]) == (("keep", "processed"), ("skip", "skipped"))
    assert lines[(many / "58.md").as_uri()] == ("remove", "removed")
    assert cluster.finish(try_number=2, report=report)["added"] == 1, "a last task that runs again says the same"


def test_an_operator_and_a_group_may_take_turns_and_nothing_to_do_makes_no_parts(
    xai: Xai, cluster: Cluster, many: Path
) -> None:
    sync(many)
    xai.forget()
    assert cluster.plan() == []
    assert counts(cluster.finish()) == {"documents": 60, "kept": 60}
    assert writes(xai) == {}


def test_parts_are_no_more_than_asked_for_and_no_smaller_than_worth_while(xai: Xai, cluster: Cluster) -> None:
    assert [len(cluster.plan(shards=shards)) for shards in (1, 2, 1000)] == [1, 2, 3]
    assert [cluster.apply(shard)["documents"] for shard in range(3)] == [20, 20, 20]


@pytest.mark.parametrize("shards", [0, 1001, "4"])
def test_so_many_parts_cannot_be(xai: Xai, cluster: Cluster, shards: Any) -> None:
    with pytest.raises(XAIFailException, match=rf"shards is {shards!r}"):
        cluster.plan(shards=shards)


def test_a_task_with_another_scope_than_the_plans_does_nothing(xai: Xai, cluster: Cluster) -> None:
    parts = cluster.plan(scope="of monday")
    refusal = "scope is 'of tuesday' here and 'of monday' in the plan, .*: give all tasks of a group the same arguments"
    xai.forget()
    with pytest.raises(XAIFailException, match=refusal):
        cluster.apply(parts[0], scope="of tuesday")
    with pytest.raises(XAIFailException, match=refusal):
        cluster.finish(scope="of tuesday")
    assert writes(xai) == {}


def test_each_run_has_a_folder_of_its_own(xai: Xai, cluster: Cluster, tmp_path: Path) -> None:
    cluster.plan()
    cluster.run_id = "manual__2026-01-02T00:00:00+00:00"
    cluster.plan()
    runs = sorted(path.name for path in (tmp_path / "workspace/library").iterdir())
    assert runs == ["manual__2026-01-01T00%3A00%3A00%2B00%3A00", "manual__2026-01-02T00%3A00%3A00%2B00%3A00"]


def test_all_of_it_may_be_in_object_storage(xai: Xai, tmp_path: Path) -> None:
    with attached(FakeS3(), "store") as fs:
        for number in range(30):
            fs.put(f"bucket/library/{number:02}.md", f"no {number}".encode())
        cluster = Cluster("s3://store@bucket/library", "s3://store@bucket/workspace/")
        manifest = cluster.run(report="s3://store@bucket/reports/today.jsonl")
        assert counts(manifest) == {"documents": 30, "added": 30}
        assert len(fs.cat("bucket/reports/today.jsonl").splitlines()) == 30
        assert counts(cluster.run()) == {"documents": 30, "kept": 30}
    assert len(contents(xai, manifest["collection_id"])) == 30


# Parts that fail or die, and what changes in between


def failing(cluster: Cluster, parts: list[int], error: type[Exception]) -> list[int]:
    """Run these parts, and return those that failed with this error."""
    failed = []
    for shard in parts:
        try:
            cluster.apply(shard)
        except error:
            failed.append(shard)
    return failed


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("0[036].md",))])  # all of one part
@pytest.mark.parametrize(("max_failed", "fails"), [(None, False), (0.05, False), (2, True), (0, True)])
def test_a_part_fails_only_if_the_whole_run_would(
    xai: Xai, cluster: Cluster, tmp_path: Path, max_failed: float | None, fails: bool
) -> None:
    cluster.arguments, report = {"max_failed": max_failed}, tmp_path / "report.jsonl"
    failed = failing(cluster, cluster.plan(), XAIIndexingError)
    assert len(failed) <= 3 * fails
    assert failed or max_failed != 0
    if fails:
        with pytest.raises(XAIIndexingError, match=r"3 of 60 documents not as the source has them: 0[036]\.md: "):
            cluster.finish(report=report)
    else:
        assert counts(cluster.finish(report=report)) == {"documents": 60, "added": 60, "failed": 3}
    outcomes = by_name(report_of(report), "action", "outcome")
    assert {name for name, what in outcomes.items() if what == ("add", "failed")} == {"00.md", "03.md", "06.md"}


@pytest.mark.parametrize(("how", "max_failed"), [("dead", 0), ("refused", None)])
def test_the_last_task_removes_prunes_and_tells_whatever_became_of_a_part(
    xai: Xai, cluster: Cluster, many: Path, tmp_path: Path, how: str, max_failed: float | None
) -> None:
    cluster.run()
    before, wanted, report = contents(xai, only_id(xai)), change(many), tmp_path / "report.jsonl"
    cluster.arguments = {"prune": True, "max_failed": max_failed}
    first, *others = cluster.plan()
    lost = {line["row"]["item"]["name"] for line in report_of(f"{cluster.planned['folder']}/plan-0000.jsonl")}
    if how == "refused":
        xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=400))
        with suppress(XAIError, XAIFailException):
            cluster.apply(first)
        xai.emulator.set_faults()
    for shard in others:
        cluster.apply(shard)
    shared: dict[str, Any] = {"source": many, "collection_name": "whales", **cluster.arguments}
    finish = XAIFinishSyncOperator(task_id="finish", planned=cluster.planned, report=report, **shared)
    if max_failed == 0:
        with pytest.raises((XAIError, XAIFailException), match=rf"{len(lost)} of 60 documents not as the source"):
            run(finish)
    else:
        run(finish)
    there = wanted.keys() - (lost - before.keys())
    assert contents(xai, only_id(xai)) == {name: (before if name in lost else wanted)[name] for name in there}
    counted: Any = finish.manifest
    done = 30 - len(lost - {"new.md"})
    assert (counted.replaced, counted.outdated_removed, counted.removed, counted.lost) == (done, done, 2, len(lost))
    outcomes = by_name(report_of(report), "outcome")
    assert {outcomes[name] for name in lost} == {"untried" if how == "dead" else "error"}
    assert len(outcomes) == 62


def test_what_a_part_placed_that_died_before_it_told_counts_as_kept(xai: Xai, cluster: Cluster) -> None:
    for shard in cluster.plan():
        cluster.apply(shard)
    Path(cluster.planned["folder"], "result-0000.jsonl").unlink()
    assert counts(cluster.finish()) == {"documents": 60, "added": 40, "kept": 20}


def test_a_source_that_changes_after_the_plan_is_taken_by_the_retry(xai: Xai, cluster: Cluster, many: Path) -> None:
    parts = cluster.plan()
    write(many, {"00.md": "no 0, second edition"})
    (many / "01.md").unlink()
    failed = failing(cluster, parts, XAIError)
    assert failed
    for shard in failed:
        cluster.apply(shard, try_number=2)
    manifest = cluster.finish()
    assert (manifest["added"] + manifest["kept"], manifest["errors"]) == (59, 0)
    assert contents(xai, only_id(xai))["00.md"] == "no 0, second edition"


def test_a_document_that_somebody_removes_meanwhile_is_missed(xai: Xai, cluster: Cluster, tmp_path: Path) -> None:
    for shard in cluster.plan():
        cluster.apply(shard)
    whales, report = only_id(xai), tmp_path / "report.jsonl"
    xai.hook.remove_document(collection_id=whales, file_id=xai.documents(whales)[0].file_id)
    with pytest.raises(XAIError, match=r"1 of 60 documents not .*: 00\.md: it is no longer in the collection"):
        cluster.finish(report=report)
    assert by_name(report_of(report), "outcome")["00.md"] == "error"


# Plans that others have written


def tampered(cluster: Cluster, changes: dict[str, Any]) -> None:
    """Change the first document of the first part, as somebody might who may write to the workspace."""
    (path,) = Path(cluster.workspace).rglob("plan-0000.jsonl")
    first, *others = path.read_text().splitlines()
    line = json.loads(first)
    line["row"]["item"].update(changes)
    path.write_text("\n".join([json.dumps(line), *others]) + "\n")


def as_listed(name: str) -> dict[str, str]:
    return {"uri": f"file://{{many}}/{name}", "path": f"{{many}}/{name}", "name": name}


@pytest.mark.parametrize(
    "changes",
    [
        {"uri": "file://{secret}/airflow.cfg", "path": "{secret}/airflow.cfg", "name": "airflow.cfg"},
        {"path": "{secret}/airflow.cfg"},
        {"uri": "file://{secret}/airflow.cfg"},
        {"name": "innocent.md"},
        as_listed("../secret/airflow.cfg"),
        as_listed("link.md"),
        as_listed("link/airflow.cfg"),
        as_listed(".env"),
        {"uri": "s3://bucket/a.md", "path": "s3://aws@bucket/a.md", "name": "a.md"},
    ],
    ids=["all", "path", "uri", "name", "above", "through a link", "through a linked folder", "hidden", "in a storage"],
)
def test_a_plan_that_somebody_changed_uploads_nothing_from_elsewhere(
    xai: Xai, cluster: Cluster, many: Path, tmp_path: Path, changes: dict[str, str]
) -> None:
    cluster.plan()
    secret = write(tmp_path / "secret", {"airflow.cfg": "password"})
    (many / "link.md").symlink_to(secret / "airflow.cfg")
    (many / "link").symlink_to(secret)
    write(many, {".env": "password"})
    forged = {key: value.format(many=many, secret=secret) for key, value in changes.items()}
    tampered(cluster, {"size": 8, "fingerprint": None, **forged})
    xai.forget()
    said = rf"\) is in the plan, and no document that {many} would list, so nothing is uploaded"
    for try_number in (1, 2):
        with pytest.raises(XAIFailException, match=said):
            cluster.apply(0, try_number=try_number)
    assert writes(xai) == {}


def test_a_plan_may_follow_links_if_the_sync_does(xai: Xai, cluster: Cluster, many: Path) -> None:
    (many / "linked.md").symlink_to(write(many.parent / "elsewhere", {"x.md": "x"}) / "x.md")
    (many / "inside.md").symlink_to("00.md")
    assert counts(cluster.run()) == {"documents": 62, "added": 61, "skipped": 1}
    cluster.arguments = {"follow_links": True}
    assert counts(cluster.run()) == {"documents": 62, "added": 1, "kept": 61}


@pytest.mark.parametrize("source", ["linked", "many/00.md", "many/*.md", "many/../many"])
def test_a_plan_of_any_source_is_carried_out(xai: Xai, many: Path, tmp_path: Path, source: str) -> None:
    (tmp_path / "linked").symlink_to(many)
    manifest = Cluster(tmp_path / source, tmp_path / "workspace").run()
    assert manifest["added"] == (1 if source.endswith("00.md") else 60)


@pytest.mark.parametrize(
    "changes",
    [
        {"uri": "s3://bucket/secret/x.md", "path": "s3://store@bucket/secret/x.md", "name": "x.md"},
        {"path": "s3://store@other/library/00.md"},
        {"path": "s3://richer@bucket/library/00.md"},
        {"path": "s3://bucket/library/00.md"},
        {"path": "sftp://store@bucket/library/00.md"},
        {"path": "/etc/passwd"},
        {"uri": "s3://bucket/library/../x.md", "path": "s3://store@bucket/library/../x.md", "name": "../x.md"},
        {"uri": "s3://bucket/library2/x.md", "path": "s3://store@bucket/library2/x.md", "name": "x.md"},
    ],
)
def test_a_plan_that_somebody_changed_reads_no_other_object(xai: Xai, tmp_path: Path, changes: dict[str, Any]) -> None:
    with attached(FakeS3(), "store") as fs:
        fs.put("bucket/library/00.md", b"no 0")
        cluster = Cluster("s3://store@bucket/library", tmp_path / "workspace")
        cluster.plan()
        tampered(cluster, changes)
        fs.asked.clear()
        said = r"is in the plan, and no document that s3://store@bucket/library would"
        with pytest.raises(XAIFailException, match=said):
            cluster.apply(0)
        assert fs.asked["open rb"] == 0
    assert xai.hook.list_files() == []
