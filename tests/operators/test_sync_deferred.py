"""XAISyncCollectionOperator that waits in the triggerer: rows stay small, and nothing is forgotten across the wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError, XAITimeoutError
from airflow_provider_xai_collections.manifests.base import ROOM_FOR_SCOPE
from tests.conftest import Logged, playing
from tests.operators.stage import FlyingTime, Xai, deferring, finish, fire, run, to_the_end, write
from tests.operators.syncs import LIBRARY, by_name, contents, counts, only_id, report_of, sync, task, writes

SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])


def deferred_task(source: Path, **arguments: Any) -> Any:
    return task(source=source, collection_name="whales", deferrable=True, **arguments)


async def whole(source: Path, **arguments: Any) -> Any:
    """Return the manifest of a sync that goes through all its waits."""
    return await to_the_end(deferred_task(source, **arguments), [])


@SLOW
async def test_it_uploads_waits_and_then_removes(xai: Xai, folder: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"prune": True, "max_prune": 1, "report": tmp_path / "report.jsonl"}
    whales = sync(folder)["collection_id"]
    (folder / "b.txt").unlink()
    wanted = {"a.md": "alpha, second edition", "d.md": "delta", "deep/c.md": "gamma"}
    write(folder, {**wanted, "empty.md": ""})
    xai.forget()
    with deferring() as caught:
        run(deferred_task(folder, **arguments))
    assert "delete_file" not in writes(xai), "what is outdated or missing stays until the wait is over"
    assert by_name(report_of(arguments["report"]), "outcome")["a.md"] == "in_progress"
    manifest = await finish(caught[0], deferred_task(folder, **arguments))
    once = ("added", "replaced", "kept", "removed", "outdated_removed", "skipped")
    assert counts(manifest) == {"documents": 4, **dict.fromkeys(once, 1)}
    assert manifest["bytes"] == len("alpha, second edition" + "delta")
    assert contents(xai, whales) == wanted
    assert xai.names(whales) == list(wanted)
    told = by_name(report_of(arguments["report"]), "action", "outcome")
    assert (told["a.md"], told["empty.md"]) == (("replace", "processed"), ("skip", "skipped"))
    assert told[(folder / "b.txt").as_uri()] == ("remove", "removed")


@pytest.mark.parametrize("wait", [True, False])
def test_with_nothing_to_wait_for_it_does_not_defer(xai: Xai, folder: Path, wait: bool) -> None:
    assert run(deferred_task(folder, wait_for_completion=False))["in_progress"] == 3
    xai.documents(only_id(xai))
    (folder / "b.txt").unlink()
    manifest = run(deferred_task(folder, prune=True, max_prune=1, wait_for_completion=wait))
    assert counts(manifest) == {"documents": 2, "kept": 2, "removed": 1}


def test_the_trigger_knows_what_the_task_knew(xai: Xai, folder: Path) -> None:
    with deferring() as caught:
        run(deferred_task(folder, team_id="team_7", timeout=600, poll_interval=7))
    kwargs = caught[0].trigger.serialize()[1]
    expected = {"collection_id": only_id(xai), "team_id": "team_7", "poll_interval": 7.0}
    assert {name: kwargs[name] for name in expected} == expected
    assert len(kwargs["file_ids"]) == 3
    assert caught[0].timeout is not None
    assert caught[0].timeout.total_seconds() == pytest.approx(600 + 120, abs=5)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4")])
async def test_very_many_documents_fit_into_a_row(xai: Xai, tmp_path: Path) -> None:
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(400)})
    deferrals: list[TaskDeferred] = []
    manifest = await to_the_end(deferred_task(many, concurrency=8), deferrals)
    assert counts(manifest) == {"documents": 400, "added": 400}
    assert len(deferrals) > 1, "the trigger watched some, and the task found others in progress"


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("a*",))])
@pytest.mark.parametrize("deferrable", [False, True])
async def test_a_timeout_fails_the_task_and_names_the_documents_here_and_in_the_report(
    xai: Xai, folder: Path, tmp_path: Path, clock: FlyingTime, deferrable: bool
) -> None:
    arguments: dict[str, Any] = {"report": tmp_path / "report.jsonl", "max_failed": None, "timeout": 600}
    said = r"time ran out \(timeout is 10 minutes\); 1 of 3 documents still in progress \(a\.md \[file_"
    with pytest.raises(XAITimeoutError, match=said):
        await whole(folder, **arguments) if deferrable else sync(folder, **arguments)
    outcomes = by_name(report_of(arguments["report"]), "outcome")
    assert outcomes == {"a.md": "in_progress", "b.txt": "processed", "deep/c.md": "processed"}
    assert sum(clock.pauses) == pytest.approx(600, rel=0.5)
    assert xai.names(only_id(xai)) == list(LIBRARY)


@SLOW
async def test_documents_that_are_called_like_keys_keep_their_lines_in_the_report(xai: Xai, tmp_path: Path) -> None:
    names, report = [f"xai-{letter * 22}.md" for letter in "ab"], tmp_path / "report.jsonl"
    await whole(write(tmp_path / "keys", {name: name for name in names}), report=report)
    lines = report_of(report)
    assert [line["outcome"] for line in lines] == ["processed", "processed"]
    assert len({line["uri"] for line in lines}) == len({line["name"] for line in lines}) == 2
    assert not [name for name in names if name in report.read_text()]


@SLOW
async def test_a_document_that_somebody_removes_during_the_wait_is_missed(
    xai: Xai, folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    with deferring() as caught:
        run(deferred_task(folder, report=report))
    whales = only_id(xai)
    removed = caught[0].trigger.serialize()[1]["file_ids"][0]
    (name,) = (each.name for each in xai.documents(whales) if each.file_id == removed)
    xai.hook.remove_document(collection_id=whales, file_id=removed)
    with pytest.raises(XAIError, match=rf"1 of 3 documents .*: {removed}: it is no longer in the collection"):
        await finish(caught[0], deferred_task(folder, report=report))
    assert by_name(report_of(report), "outcome") == {**dict.fromkeys(LIBRARY, "processed"), name: "error"}


@SLOW
async def test_content_is_verified_once(xai: Xai, folder: Path, logged: Logged) -> None:
    sync(folder)
    write(folder, {"d.md": "delta"})
    await whole(folder, verify_content=True)
    text = logged()
    assert text.count("reading 3 documents that may have changed") == text.count("; 1 to add, 3 to keep") > 0


@SLOW
async def test_an_error_of_the_trigger_is_the_tasks(xai: Xai, folder: Path) -> None:
    with deferring() as caught:
        run(deferred_task(folder))
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    event = await fire(caught[0].trigger)
    resumed = deferred_task(folder)
    with pytest.raises(XAIFailException, match="403"):
        resumed.execute_complete({"ti": None}, event)
    assert resumed.manifest.added == 3, "what lineage tells of it"


@SLOW
async def test_a_report_that_cannot_be_written_is_said_and_no_reason_to_fail(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged
) -> None:
    (tmp_path / "file").write_text("")
    manifest = await whole(folder, report=tmp_path / "file/report.jsonl")
    assert (counts(manifest), manifest["report"]) == ({"documents": 3, "added": 3}, None)
    assert "The report cannot be written: " in logged()


@SLOW
@pytest.mark.parametrize("beginning", ["of ", "a very long one: " * 40 + "of ", "xai-token-" + "a" * 30 + "*_"])
async def test_a_scope_that_is_rendered_otherwise_after_the_wait_removes_nothing(
    xai: Xai, folder: Path, beginning: str
) -> None:
    """It would look for what is outdated among documents of which nothing was planned.

    The event of the trigger has no room for a long scope, and shows none that looks like a key.
    """
    whales = sync(folder, scope=f"{beginning}tuesday")["collection_id"]
    arguments: dict[str, Any] = {"prune": True, "max_prune": None}
    (folder / "b.txt").unlink()
    with deferring() as caught:
        run(deferred_task(folder, scope=f"{beginning}monday", **arguments))
    refusal = r"scope is '.*' here and '.*' in the plan.*no template that is rendered otherwise.*then clear the task"
    with pytest.raises(XAIFailException, match=refusal):
        await finish(caught[0], deferred_task(folder, scope=f"{beginning}tuesday", **arguments))
    assert xai.names(whales).count("b.txt") == 1
    finished = await finish(caught[0], deferred_task(folder, scope=f"{beginning}monday", **arguments))
    assert counts(finished) == {"documents": 2, "added": 2}
    assert len(finished["scope"]) <= ROOM_FOR_SCOPE
    assert "a" * 20 not in finished["scope"]
