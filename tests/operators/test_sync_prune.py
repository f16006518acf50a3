"""Pruning: off unless asked for, refused where much would be lost, blind to documents of others, and last of all.

What is missing may be what is new, under another name; so it stays until that is processed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import contents, counts, only_id, report_of, sync, task, writes
from tests.operators.workers import Cluster


@pytest.fixture
def eight(tmp_path: Path) -> Path:
    """Eight documents of four bytes each."""
    return write(tmp_path / "eight", {f"{number}.md": f"no {number}" for number in range(8)})


def without(source: Path, count: int) -> Path:
    for number in range(count):
        (source / f"{number}.md").unlink()
    return source


def test_it_is_off_by_default_and_otherwise_takes_up_to_a_quarter(xai: Xai, eight: Path, logged: Logged) -> None:
    sync(eight)
    assert counts(sync(without(eight, 2))) == {"documents": 6, "kept": 6, "left": 2}
    assert f"prune is off, so what is missing from {eight.as_uri()} stays: 2 documents" in logged()
    assert len(xai.names(only_id(xai))) == 8
    assert counts(sync(eight, prune=True)) == {"documents": 6, "kept": 6, "removed": 2}
    assert len(xai.names(only_id(xai))) == 6


@pytest.mark.parametrize(("arguments", "limit"), [({}, r"0\.25"), ({"max_prune": 2}, "2")])
@pytest.mark.parametrize("dry_run", [True, False])
def test_more_is_refused_before_anything_is_changed(
    xai: Xai, eight: Path, tmp_path: Path, arguments: dict[str, Any], limit: str, dry_run: bool
) -> None:
    report = tmp_path / "report.jsonl"
    sync(eight)
    write(without(eight, 3), {"7.md": "no 7, second edition"})
    xai.forget()
    said = rf"refused: 3 of 8 documents .*eight/0\.md.* max_prune is {limit}\..*raise max_prune\. Nothing was changed"
    with pytest.raises(XAIFailException, match=said):
        sync(eight, prune=True, dry_run=dry_run, report=report, **arguments)
    assert writes(xai) == {}
    if dry_run:
        assert sum(line["action"] == "remove" for line in report_of(report)) == 3, "it shows the plan"


@pytest.mark.parametrize("arguments", [{}, {"pattern": "*.pdf"}])
def test_an_empty_source_is_refused_whatever_may_be_removed(xai: Xai, eight: Path, arguments: dict[str, Any]) -> None:
    whales = sync(eight, scope="eight")["collection_id"]
    source = eight if arguments else without(eight, 8)
    with pytest.raises(XAIFailException, match=r"is empty, and all documents .*: 8 .*XAIRemoveDocumentsOperator"):
        sync(source, prune=True, max_prune=None, scope="eight", **arguments)
    assert len(xai.names(whales)) == 8


@pytest.mark.parametrize(("chosen", "said"), [({"pattern": "*.md"}, "a pattern"), ({"exclude": ["old/"]}, "exclude")])
def test_prune_with_a_choice_of_files_needs_a_scope(xai: Xai, eight: Path, chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIFailException, match=rf"prune with {said} needs a scope of its own.*Pass a scope"):
        sync(eight, prune=True, **chosen)
    assert writes(xai) == {}
    assert sync(eight, prune=True, **chosen, scope="mine")["added"] == 8
    assert sync(eight, prune=True, exclude=[" "])["added"] == 8, "what a template left empty is no choice"


def test_documents_of_other_scopes_and_of_none_are_left_alone(xai: Xai, folder: Path) -> None:
    whales = sync(folder, scope="mine")["collection_id"]
    sync(folder, scope="yours")
    theirs = xai.document(whales, "a.md", "alpha")
    (folder / "a.md").unlink()
    assert sync(folder, scope="mine", prune=True, max_prune=1)["removed"] == 1
    assert xai.names(whales) == ["a.md", "a.md", "b.txt", "b.txt", "deep/c.md", "deep/c.md"]
    assert theirs in {document.file_id for document in xai.documents(whales)}


def test_a_scope_that_another_source_uses_is_said_and_not_pruned(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged
) -> None:
    whales = sync(folder, scope="library")["collection_id"]
    xai.hook.add_document(collection_id=whales, file_id=xai.file("x.md", "x"), fields={"airflow_scope": "library"})
    moved = Path(shutil.move(folder, tmp_path / "moved"))
    before = xai.names(whales)
    said = f"the scope 'library' holds 4 documents from elsewhere than {moved.as_uri()} ("
    with pytest.raises(XAIFailException, match=f"pruning is refused: {re.escape(said)}") as raised:
        sync(moved, whales, scope="library", prune=True, max_prune=None)
    assert "XAIRemoveDocumentsOperator(scope='library', delete_files=True) removes all that" in str(raised.value)
    assert xai.names(whales) == before
    assert counts(sync(moved, whales, scope="library")) == {"documents": 3, "added": 3}
    assert f"{said}without a source, file:///" in logged()


def test_documents_that_were_ingested_can_be_synced(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    ingest: dict[str, Any] = {"collection_id": whales, "paths": folder, "scope": "library"}
    run(XAIIngestDocumentsOperator(task_id="ingest", **ingest))
    xai.forget()
    assert counts(sync(folder, whales, scope="library")) == {"documents": 3, "kept": 3}
    assert writes(xai) == {}
    (folder / "b.txt").unlink()
    assert sync(folder, whales, scope="library", prune=True, max_prune=1)["removed"] == 1
    assert contents(xai, whales) == {"a.md": "alpha", "deep/c.md": "gamma"}


def test_documents_that_another_run_adds_meanwhile_are_not_missing(
    xai: Xai, eight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run ends while this one asks what the collection holds."""
    whales, handle = sync(eight)["collection_id"], xai.emulator.handle

    def and_meanwhile(request: HttpRequest) -> HttpReply:
        if request.method == "GET" and request.path.endswith("/documents"):
            monkeypatch.setattr(xai.emulator, "handle", handle)
            sync(write(eight, {"new.md": "new"}))
        return handle(request)

    monkeypatch.setattr(xai.emulator, "handle", and_meanwhile)
    assert counts(sync(eight, prune=True)) == {"documents": 9, "kept": 9}
    assert contents(xai, whales)["new.md"] == "new"


async def pruned(way: str, source: Path, meanwhile: Callable[[Path], Any]) -> Any:
    """Return the manifest of a sync that prunes.

    :param meanwhile: happens when uploads are over and pruning has not begun.
    """
    if way == "deferred":
        made: dict[str, Any] = {"source": source, "collection_name": "whales", "deferrable": True, "prune": True}
        with deferring() as caught:
            run(task(**made))
        meanwhile(source)
        return await finish(caught[0], task(**made))
    cluster = Cluster(source, source.parent / "workspace", {"prune": True})
    for shard in cluster.plan():
        cluster.apply(shard)
    meanwhile(source)
    return cluster.finish()


def texts(source: Path) -> dict[str, str]:
    return {path.relative_to(source).as_posix(): path.read_text() for path in source.rglob("*.md")}


def moved_and_edited(source: Path) -> None:
    (source / "0.md").unlink()
    write(source, {"deep/0.md": "no 0, second edition"})


def removed_while_others_come(source: Path) -> None:
    (source / "0.md").unlink()
    write(source, {"later.md": "later", "1.md": "no 1, second edition", "new.md": "new, second edition"})


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
@pytest.mark.parametrize("way", ["deferred", "group"])
@pytest.mark.parametrize(("meanwhile", "stays"), [(moved_and_edited, True), (removed_while_others_come, False)])
async def test_what_may_have_a_new_name_by_now_stays_until_the_next_run(
    xai: Xai, eight: Path, way: str, meanwhile: Callable[[Path], None], stays: bool, logged: Logged
) -> None:
    sync(eight)
    write(eight, {"new.md": "new"})
    manifest = await pruned(way, eight, meanwhile)
    assert (manifest["added"], manifest["removed"], manifest["left"]) == (1, not stays, stays)
    assert ("0.md" in contents(xai, only_id(xai))) == stays
    assert ("1 document missing from the source, and left: the source has them again, or other" in logged()) == stays
    sync(eight, prune=True)
    assert contents(xai, only_id(xai)) == texts(eight)


def test_nothing_is_removed_when_the_key_is_refused(xai: Xai, eight: Path) -> None:
    whales = sync(eight)["collection_id"]
    write(without(eight, 1), {"new.md": "new, of a size of its own"})
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=403))
    with pytest.raises(XAIFailException, match="403"):
        sync(eight, prune=True)
    assert "0.md" in xai.names(whales)
