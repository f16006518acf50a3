"""The three tasks of xai_sync_group, run as Airflow runs them: what they do together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from tests.conftest import Logged, playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import Xai, write
from tests.operators.syncs import by_name, contents, counts, only_id, report_of, sync, writes
from tests.operators.workers import CHANGED, Cluster, change, cluster, many

__all__ = ["cluster", "many"]


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


def test_nothing_to_do_makes_no_parts(xai: Xai, cluster: Cluster) -> None:
    cluster.run()
    xai.forget()
    assert cluster.plan() == []
    assert counts(cluster.finish()) == {"documents": 60, "kept": 60}
    assert writes(xai) == {}


@pytest.mark.parametrize(("shards", "parts"), [(1, 1), (2, 2), (16, 3), (1000, 3)])
def test_parts_are_no_more_than_asked_for_and_no_smaller_than_worth_while(
    xai: Xai, cluster: Cluster, shards: int, parts: int
) -> None:
    assert cluster.plan(shards=shards) == list(range(parts))
    taken = [cluster.apply(shard)["documents"] for shard in range(parts)]
    assert sum(taken) == 60
    assert max(taken) - min(taken) <= 1


@pytest.mark.parametrize("shards", [0, 1001, "4"])
def test_so_many_parts_cannot_be(xai: Xai, cluster: Cluster, shards: Any) -> None:
    with pytest.raises(XAIFailException, match=rf"shards is {shards!r}"):
        cluster.plan(shards=shards)


def test_large_documents_are_spread(xai: Xai, cluster: Cluster, many: Path) -> None:
    write(many, {f"{number:02}.md": "x" * 10_000 for number in range(3)})
    cluster.plan()
    assert [cluster.apply(shard)["bytes"] // 10_000 for shard in range(3)] == [1, 1, 1]


def test_a_task_with_another_scope_than_the_plans_does_nothing(xai: Xai, cluster: Cluster) -> None:
    parts = cluster.plan(scope="of monday")
    refusal = "scope is 'of tuesday' here and 'of monday' in the plan, .*: give all tasks of a group the same arguments"
    xai.forget()
    with pytest.raises(XAIFailException, match=refusal):
        cluster.apply(parts[0], scope="of tuesday")
    with pytest.raises(XAIFailException, match=refusal):
        cluster.finish(scope="of tuesday")
    assert writes(xai) == {}


@pytest.mark.parametrize("scope", ["x" * 2_000, "ü \n xai-" + "a" * 22])
def test_a_scope_that_the_plan_cannot_hold_as_it_is_is_known_again(xai: Xai, cluster: Cluster, scope: str) -> None:
    cluster.arguments = {"scope": scope}
    assert counts(cluster.run()) == {"documents": 60, "added": 60}


FAILING = pytest.mark.parametrize("emulator_settings", [playing(fail_names=("0[0-2].md",))])


@FAILING
def test_a_document_that_fails_fails_its_part_unless_that_is_tolerated(xai: Xai, cluster: Cluster) -> None:
    for shard in cluster.plan():
        with suppress(XAIIndexingError):
            cluster.apply(shard)
    with pytest.raises(XAIIndexingError, match=r"3 of 60 documents are not as the source has them: 0[0-2]\.md: "):
        cluster.finish()


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("07*",))])
def test_a_part_that_runs_out_of_time_names_the_documents(xai: Xai, cluster: Cluster) -> None:
    cluster.arguments = {"timeout": 600}
    errors = []
    for shard in cluster.plan():
        try:
            cluster.apply(shard)
        except XAITimeoutError as error:
            errors.append(str(error))
    assert len(errors) == 1
    assert "time ran out (timeout is 10 minutes); 1 of " in errors[0]
    assert " documents are still in progress (07.md [file_" in errors[0]


@FAILING
@pytest.mark.parametrize(
    ("policy", "fails"),
    [
        ({"on_failed": "ignore"}, False),
        ({"on_failed": "threshold", "max_failed": 3}, False),
        ({"on_failed": "threshold", "max_failed": 2}, True),
        ({"on_failed": "threshold", "max_failed": 0.04}, True),
    ],
)
def test_what_is_tolerated_is_said_of_the_whole(
    xai: Xai, cluster: Cluster, tmp_path: Path, policy: dict[str, Any], fails: bool
) -> None:
    cluster.arguments, report = policy, tmp_path / "report.jsonl"
    for shard in cluster.plan():
        cluster.apply(shard)
    if fails:
        with pytest.raises(XAIIndexingError, match="3 of 60 documents"):
            cluster.finish(report=report)
    else:
        assert counts(cluster.finish(report=report)) == {"documents": 60, "added": 60, "failed": 3}
    outcomes = by_name(report_of(report), "action", "outcome")
    assert {name for name, what in outcomes.items() if what == ("add", "failed")} == {"00.md", "01.md", "02.md"}


def test_what_could_not_be_read_is_in_the_report_of_the_whole(
    xai: Xai, cluster: Cluster, many: Path, tmp_path: Path
) -> None:
    cluster.run()
    (many / "00.md").unlink()
    (many / "00.md").symlink_to(many / "nowhere")
    (many / "loose.md").symlink_to(many / "nowhere")
    cluster.arguments, report = {"on_failed": "ignore"}, tmp_path / "report.jsonl"
    manifest = cluster.run(report=report)
    assert counts(manifest) == {"documents": 61, "kept": 59, "errors": 2}
    assert sorted(problem["name"] for problem in manifest["problems"]) == ["00.md", "loose.md"]
    outcomes = by_name(report_of(report), "action", "outcome")
    assert (outcomes["00.md"], outcomes["loose.md"]) == (("unread", "error"), ("add", "error"))


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_without_waiting_what_is_in_progress_is_counted(xai: Xai, cluster: Cluster) -> None:
    cluster.arguments = {"wait_for_completion": False}
    assert counts(cluster.run()) == {"documents": 60, "added": 60, "in_progress": 60}


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


def test_an_operator_and_a_group_may_take_turns(xai: Xai, cluster: Cluster, many: Path) -> None:
    sync(many)
    assert counts(cluster.run()) == {"documents": 60, "kept": 60}


def test_the_log_of_each_says_what_it_did(xai: Xai, cluster: Cluster, logged: Logged) -> None:
    cluster.run()
    text = logged()
    assert "60 to add" in text
    once = text.count(f"3 parts in {cluster.workspace}/library/")  # some Airflows log everything twice in tests
    assert once > 0
    assert text.count("in the source     20") == 3 * once
    assert text.count("in the source     60") == once


def test_a_plan_of_another_version_is_refused_with_the_way_out(xai: Xai, cluster: Cluster) -> None:
    cluster.plan()
    cluster.planned["shape"] = "round"
    with pytest.raises(XAIError, match=r"a SyncPlanned of another version of this provider.*Clear the task"):
        cluster.apply(0)


def tampered(cluster: Cluster, **changes: Any) -> str:
    """The first step of the first part of the plan is changed by somebody who may write to the workspace."""
    (path,) = Path(cluster.workspace).rglob("plan-0000.jsonl")
    first, *others = path.read_text().splitlines()
    line = {**json.loads(first), **changes}
    path.write_text("\n".join([json.dumps(line), *others]) + "\n")
    return str(line["name"])


def elsewhere(many: Path) -> dict[str, Any]:
    secret = write(many.parent / "secret", {"airflow.cfg": "password"}) / "airflow.cfg"
    return {"uri": secret.as_uri(), "path": str(secret), "name": "airflow.cfg", "size": 8, "fingerprint": None}


def another_path(many: Path) -> dict[str, Any]:
    return {"path": elsewhere(many)["path"]}


def another_uri(many: Path) -> dict[str, Any]:
    return {"uri": elsewhere(many)["uri"]}


def another_name(many: Path) -> dict[str, Any]:
    return {"name": "innocent.md"}


def up_and_away(many: Path) -> dict[str, Any]:
    name = "../secret/airflow.cfg"
    elsewhere(many)
    return {"uri": f"{many.as_uri()}/{name}", "path": f"{many}/{name}", "name": name}


def through_a_link(many: Path) -> dict[str, Any]:
    (many / "innocent.md").symlink_to(elsewhere(many)["path"])
    return {"uri": f"{many.as_uri()}/innocent.md", "path": f"{many}/innocent.md", "name": "innocent.md"}


def through_a_linked_folder(many: Path) -> dict[str, Any]:
    elsewhere(many)
    (many / "innocent").symlink_to(many.parent / "secret")
    name = "innocent/airflow.cfg"
    return {"uri": f"{many.as_uri()}/{name}", "path": f"{many}/{name}", "name": name}


def hidden(many: Path) -> dict[str, Any]:
    write(many, {".env": "password"})
    return {"uri": f"{many.as_uri()}/.env", "path": f"{many}/.env", "name": ".env"}


def in_a_storage(many: Path) -> dict[str, Any]:
    return {"uri": "s3://bucket/a.md", "path": "s3://aws@bucket/a.md", "name": "a.md"}


FORGED = [
    *(elsewhere, another_path, another_uri, another_name, up_and_away, through_a_link, through_a_linked_folder, hidden),
    in_a_storage,
]


@pytest.mark.parametrize("forge", FORGED)
@pytest.mark.parametrize("try_number", [1, 2])
def test_a_plan_that_somebody_changed_uploads_nothing_from_elsewhere(
    xai: Xai, cluster: Cluster, many: Path, forge: Callable[[Path], dict[str, Any]], try_number: int
) -> None:
    cluster.plan()
    name = tampered(cluster, **forge(many))
    xai.forget()
    said = rf"^{re.escape(name)} \(.*\) is in the plan, and no document that {many} would list, so nothing is uploaded"
    with pytest.raises(XAIFailException, match=said):
        cluster.apply(0, try_number=try_number)
    assert writes(xai) == {}
    for shard in cluster.plan():
        cluster.apply(shard)
    assert len(contents(xai, only_id(xai))) >= 60


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
        tampered(cluster, **changes)
        fs.asked.clear()
        with pytest.raises(
            XAIFailException, match=r"is in the plan, and no document that s3://store@bucket/library would"
        ):
            cluster.apply(0)
        assert fs.asked["open rb"] == 0
    assert xai.hook.list_files() == []


SETS: list[dict[str, Any]] = [
    {},
    {"fields": {"year": "1851"}},
    {"fields": {"year": "1851"}, "update_fields": True},
    {"fields": lambda source: {"size": str(source.size)}, "update_fields": True},
    {"verify": "content"},
    {"prune": True, "max_prune": None},
    {"prune": True, "max_prune": None, "delete_files": False},
    {"upload_method": "direct"},
    {"scope": "mine"},
    {"pattern": "*.md"},
    {"pattern": "*.md", "prune": True, "max_prune": None, "scope": "letters"},
    {"exclude": ["kept*"]},
    {"pattern": ["*.md", "!gone.md"], "prune": True, "max_prune": None, "scope": "letters"},
    {"exclude": "*.{txt,none}", "prune": True, "max_prune": None, "scope": "letters"},
    {"team_id": "team_7"},
]


@pytest.mark.parametrize("arguments", SETS, ids=lambda arguments: ", ".join(arguments) or "none")
def test_an_argument_means_what_it_means_to_the_operator(xai: Xai, tmp_path: Path, arguments: dict[str, Any]) -> None:
    def after(way: str) -> Any:
        source = write(tmp_path / way, {"kept.md": "kept", "changed.md": "old", "gone.md": "gone", "x.txt": "x"})
        sync(source, way)
        write(source, {"changed.md": "new", "more.md": "more"})
        (source / "gone.md").unlink()
        if way == "operator":
            manifest = sync(source, way, **arguments)
        else:
            manifest = Cluster(source, tmp_path / "workspace", {**arguments, "collection": way}).run()
        documents = xai.documents(manifest["collection_id"])
        found = sorted((each.name, each.fields.get("year"), each.fields.get("size")) for each in documents)
        return counts(manifest), manifest["bytes"], found, len(xai.hook.list_files()) - len(documents)

    first = after("operator")
    files = first[-1] + len(first[2])
    second = after("group")
    assert (*second[:3], second[3] - files) == (*first[:3], first[3])
