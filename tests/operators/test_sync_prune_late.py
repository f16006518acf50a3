"""Pruning comes last, when the source may have changed and documents may have failed, in one task or several.

What is gone may be what is new, under another name; so it stays until that is in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, contents, counts, only_id, report_of, sync, task
from tests.operators.workers import Cluster

SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
#: Where something can happen between the uploads and the pruning.
LATER = pytest.mark.parametrize("way", ["deferred", "group"])
EVERYWHERE = pytest.mark.parametrize("way", ["one task", "deferred", "group"])
ERRORS = (XAIError, XAIFailException)


@pytest.fixture
def eight(xai: Xai, tmp_path: Path) -> Path:
    """Eight documents that are in the collection already."""
    source = write(tmp_path / "eight", {f"{number}.md": f"no {number}" for number in range(8)})
    sync(source)
    return source


async def pruned(way: str, source: Path, meanwhile: Callable[[], Any] = lambda: None, **arguments: Any) -> Any:
    """The manifest of a sync that prunes.

    :param meanwhile: happens when uploads are over and pruning has not begun.
    """
    arguments = {"prune": True, "concurrency": 1, **arguments}
    if way == "one task":
        return sync(source, **arguments)
    if way == "deferred":
        deferred: dict[str, Any] = {"source": source, "collection": "whales", "deferrable": True, **arguments}
        with deferring() as caught:
            run(task(**deferred))
        meanwhile()
        return await finish(caught[0], task(**deferred))
    report = arguments.pop("report", None)
    cluster = Cluster(source, source.parent / "workspace", arguments)
    for shard in cluster.plan():
        with suppress(*ERRORS):  # until it is cleared, finish would not run; it may be by now
            cluster.apply(shard)
    meanwhile()
    return cluster.finish(report=report)


@SLOW
@LATER
async def test_what_is_renamed_meanwhile_stays_until_the_next_run(
    xai: Xai, eight: Path, way: str, logged: Logged
) -> None:
    write(eight, {"new.md": "new"})
    manifest = await pruned(way, eight, lambda: (eight / "0.md").rename(eight / "moved.md"))
    assert counts(manifest) == {"documents": 9, "added": 1, "kept": 8, "left": 1}
    assert "1 documents are new or changed since this run listed the source, and 1 are gone" in logged()
    assert contents(xai, only_id(xai))["0.md"] == "no 0"
    assert counts(sync(eight, prune=True)) == {"documents": 9, "added": 1, "kept": 8, "removed": 1}
    assert contents(xai, only_id(xai))["moved.md"] == "no 0"
    assert "0.md" not in xai.names(only_id(xai))


@SLOW
@LATER
async def test_what_takes_the_place_of_another_meanwhile_stays_until_the_next_run(
    xai: Xai, eight: Path, way: str
) -> None:
    write(eight, {"new.md": "new"})
    manifest = await pruned(way, eight, lambda: (eight / "0.md").rename(eight / "1.md"))
    assert counts(manifest) == {"documents": 9, "added": 1, "kept": 8, "left": 1}
    assert contents(xai, only_id(xai))["0.md"] == "no 0"
    again = {"documents": 8, "replaced": 1, "kept": 7, "removed": 1, "outdated_removed": 1}
    assert counts(sync(eight, prune=True)) == again


@SLOW
@LATER
async def test_what_is_edited_again_meanwhile_keeps_nothing(xai: Xai, eight: Path, way: str) -> None:
    write(eight, {"new.md": "new"})
    (eight / "0.md").unlink()
    manifest = await pruned(way, eight, lambda: write(eight, {"new.md": "new, second edition"}))
    assert (manifest["added"], manifest["removed"]) == (1, 1)


@SLOW
@LATER
async def test_old_versions_that_went_meanwhile_make_no_refusal(xai: Xai, eight: Path, way: str) -> None:
    """Before them, three of twelve documents were gone, which may go; after them, three of nine."""
    write(eight, {f"{number}.md": f"no {number}, second edition" for number in range(4)})
    sync(eight, wait_for_completion=False)
    for number in (5, 6, 7):
        (eight / f"{number}.md").unlink()
    write(eight, {"new.md": "new"})
    assert (await pruned(way, eight))["removed"] == 3


@SLOW
@LATER
async def test_what_was_gone_before_goes_whatever_comes_meanwhile(xai: Xai, eight: Path, way: str) -> None:
    write(eight, {"new.md": "new"})
    (eight / "0.md").unlink()
    manifest = await pruned(way, eight, lambda: write(eight, {"later.md": "later", "1.md": "no 1, second edition"}))
    assert counts(manifest) == {"documents": 8, "added": 1, "kept": 7, "removed": 1}


@SLOW
@LATER
async def test_what_goes_meanwhile_goes_if_nothing_new_comes(xai: Xai, eight: Path, way: str) -> None:
    write(eight, {"new.md": "new"})
    manifest = await pruned(way, eight, (eight / "0.md").unlink)
    assert manifest["removed"] == 1
    assert "0.md" not in xai.names(only_id(xai))


@EVERYWHERE
@pytest.mark.parametrize(
    "emulator_settings",
    [
        pytest.param(playing(indexing="reads:2"), id="upload"),
        pytest.param(playing(indexing="reads:2", fail_names=("moved*",)), id="indexing"),
    ],
)
@pytest.mark.parametrize(("policy", "stays"), [({}, True), ({"on_failed": "ignore"}, False)])
async def test_what_may_be_a_document_that_failed_stays(
    xai: Xai, eight: Path, way: str, policy: dict[str, Any], stays: bool, request: pytest.FixtureRequest
) -> None:
    (eight / "0.md").rename(eight / "moved.md")
    write(eight, {"new.md": "new"})
    if "upload" in request.node.callspec.id:
        xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=400, nth=(1,)))
    if stays:
        with pytest.raises(ERRORS, match=r"1 of 9 documents are not as the source has them: moved\.md"):
            await pruned(way, eight, **policy)
    else:
        assert (await pruned(way, eight, **policy))["removed"] == 1
    assert ("0.md" in xai.names(only_id(xai))) is stays


@SLOW
@EVERYWHERE
@pytest.mark.parametrize("failing", ["unread", "replace"])
async def test_a_new_version_that_is_not_in_place_keeps_what_is_gone_as_well(
    xai: Xai, eight: Path, way: str, failing: str, logged: Logged
) -> None:
    """The other file may have taken its place."""
    whales = only_id(xai)
    write(eight, {"new.md": "new"})
    (eight / "0.md").unlink()
    if failing == "unread":
        (eight / "1.md").unlink()
        (eight / "1.md").symlink_to(eight / "nowhere")
    else:
        write(eight, {"1.md": "no 1, second edition"})
        xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=400, nth=(1,)))
    with pytest.raises(ERRORS, match=r"1 of 8 documents are not as the source has them: 1\.md"):
        await pruned(way, eight)
    assert "0.md" in xai.names(whales)
    assert "1 documents that the source has no longer stay: 1 others are not in place" in logged()


@SLOW
@LATER
async def test_what_may_be_a_document_that_vanished_meanwhile_stays(xai: Xai, eight: Path, way: str) -> None:
    (eight / "0.md").rename(eight / "moved.md")
    whales = only_id(xai)

    def detach() -> None:
        moved = next(document for document in xai.documents(whales) if document.name == "moved.md")
        xai.hook.remove_document(collection_id=whales, file_id=moved.file_id)

    with pytest.raises(ERRORS, match="it is no longer in the collection"):
        await pruned(way, eight, detach)
    assert "0.md" in xai.names(whales)


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_service_that_takes_no_document_is_no_reason_to_remove_any(xai: Xai, tmp_path: Path, status: int) -> None:
    source = write(tmp_path / "many", {f"a/{number:02}.md": f"no {number}" for number in range(60)})
    whales = sync(source)["collection_id"]
    (source / "a").rename(source / "b")
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=status))
    with pytest.raises(ERRORS, match="50 documents in a row failed"):
        sync(source, prune=True, max_prune=None)
    assert len(contents(xai, whales)) == 60


@SLOW
@LATER
async def test_too_much_that_is_gone_meanwhile_is_refused_when_all_else_is_done(
    xai: Xai, eight: Path, way: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    write(eight, {"new.md": "new"})

    def lose() -> None:
        for number in range(5):
            (eight / f"{number}.md").unlink()

    said = r"^pruning is refused: 5 of 9 documents .* max_prune is 0\.25\..*\. All else is done$"
    with pytest.raises(XAIFailException, match=said):
        await pruned(way, eight, lose, report=report)
    assert len(contents(xai, only_id(xai))) == 9
    assert by_name(report_of(report), "outcome")["new.md"] == "processed"


def test_a_dry_run_that_is_refused_shows_the_plan_all_the_same(
    xai: Xai, eight: Path, tmp_path: Path, logged: Logged
) -> None:
    report = tmp_path / "report.jsonl"
    for number in range(5):
        (eight / f"{number}.md").unlink()
    with pytest.raises(XAIFailException, match=r"5 of 8 documents .* raise max_prune\. Nothing was changed$"):
        sync(eight, prune=True, dry_run=True, report=report)
    assert "To remove: 5 (" in logged()
    assert sum(line["action"] == "remove" for line in report_of(report)) == 5
