"""Pruning: off unless asked for, refused where much would be lost, blind to documents of others, and last of all.

What is missing may be what is new, under another name; so it stays until that is processed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.sources import scanning
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, contents, counts, only_id, report_of, sync, task, writes
from tests.operators.workers import Cluster
from tests.unprivileged import as_nobody, public

ERRORS = (XAIError, XAIFailException)


@pytest.fixture
def eight(tmp_path: Path) -> Path:
    """Eight documents of four bytes each."""
    return write(tmp_path / "eight", {f"{number}.md": f"no {number}" for number in range(8)})


def without(source: Path, count: int) -> Path:
    for number in range(count):
        (source / f"{number}.md").unlink()
    return source


def test_it_is_off_by_default_and_what_stays_is_counted(xai: Xai, eight: Path, logged: Logged) -> None:
    sync(eight)
    manifest = sync(without(eight, 3))
    assert counts(manifest) == {"documents": 5, "kept": 5, "left": 3}
    assert f"3 documents are missing from {eight.as_uri()} and stay, because prune is off" in logged()
    assert len(xai.names(manifest["collection_id"])) == 8


@pytest.mark.parametrize(
    ("arguments", "missing"), [({"max_prune": 1}, 1), ({}, 2), ({"max_prune": 1.0}, 7), ({"max_prune": None}, 7)]
)
def test_it_removes_as_many_as_it_may(xai: Xai, eight: Path, arguments: dict[str, Any], missing: int) -> None:
    sync(eight)
    assert sync(without(eight, missing), prune=True, **arguments)["removed"] == missing
    assert len(xai.names(only_id(xai))) == 8 - missing


@pytest.mark.parametrize(
    ("arguments", "missing"), [({"max_prune": 0}, 1), ({"max_prune": 1}, 2), ({}, 3), ({"max_prune": 0.5}, 5)]
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_more_is_refused_before_anything_is_changed(
    xai: Xai, eight: Path, tmp_path: Path, arguments: dict[str, Any], missing: int, dry_run: bool
) -> None:
    report = tmp_path / "report.jsonl"
    sync(eight)
    write(without(eight, missing), {"7.md": "no 7, second edition"})
    xai.forget()
    said = (
        rf"refused: {missing} of 8 documents .*eight/0\.md.* max_prune is {arguments.get('max_prune', 0.25)}\..*"
        r"raise max_prune\. Nothing w"
    )
    with pytest.raises(XAIFailException, match=said):
        sync(eight, prune=True, dry_run=dry_run, report=report, **arguments)
    assert writes(xai) == {}
    if dry_run:
        assert sum(line["action"] == "remove" for line in report_of(report)) == missing, "it shows the plan"


@pytest.mark.parametrize("max_prune", [None, 1.0, 1000])
@pytest.mark.parametrize("how", ["empty", "pattern"])
def test_an_empty_source_is_refused_whatever_may_be_removed(
    xai: Xai, eight: Path, max_prune: float | None, how: str
) -> None:
    whales = sync(eight, scope="eight")["collection_id"]
    arguments: dict[str, Any] = {"pattern": "*.pdf"} if how == "pattern" else {}
    if how == "empty":
        without(eight, 8)
    with pytest.raises(XAIFailException, match=r"is empty, and all 8 documents .*XAIRemoveDocumentsOperator"):
        sync(eight, prune=True, max_prune=max_prune, scope="eight", **arguments)
    assert len(xai.names(whales)) == 8


def test_an_empty_source_of_an_empty_scope_is_no_reason_to_refuse(xai: Xai, tmp_path: Path) -> None:
    assert counts(sync(tmp_path, prune=True)) == {}


# Whose documents


def test_the_same_file_in_two_scopes_is_two_documents(xai: Xai, folder: Path) -> None:
    whales = sync(folder, scope="mine")["collection_id"]
    sync(folder, scope="yours")
    assert xai.names(whales) == ["a.md", "a.md", "b.txt", "b.txt", "deep/c.md", "deep/c.md"]
    (folder / "a.md").unlink()
    sync(folder, scope="mine", prune=True, max_prune=1)
    assert xai.names(whales) == ["a.md", "b.txt", "b.txt", "deep/c.md", "deep/c.md"]


def test_documents_without_our_fields_are_left_alone(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    theirs = {xai.document(whales, "a.md", "alpha"), xai.document(whales, "other.md")}
    sync(folder, whales)
    (folder / "a.md").unlink()
    assert sync(folder, whales, prune=True, max_prune=1)["removed"] == 1
    assert theirs < {document.file_id for document in xai.documents(whales)}


def test_a_scope_that_another_source_uses_is_said_and_not_pruned(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged
) -> None:
    whales = sync(folder, scope="library")["collection_id"]
    xai.hook.add_document(collection_id=whales, file_id=xai.file("x.md", "x"), fields={"airflow_scope": "library"})
    moved = Path(shutil.move(folder, tmp_path / "moved"))
    said = f"the scope 'library' holds 4 documents that do not come from {moved.as_uri()} ("
    before = xai.names(whales)
    with pytest.raises(XAIFailException, match="pruning is refused: the scope 'library' holds 4 documents") as raised:
        sync(moved, whales, scope="library", prune=True, max_prune=None)
    assert said in str(raised.value)
    assert "XAIRemoveDocumentsOperator(scope='library') removes all that the scope holds" in str(raised.value)
    assert xai.names(whales) == before
    assert counts(sync(moved, whales, scope="library")) == {"documents": 3, "added": 3}
    assert said in (text := logged())
    assert "(without a source, file:///" in text
    assert "are left alone. Give each source a scope of its own" in text


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


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"pattern": "*.md"}, "a pattern"),
        ({"pattern": ["*.md", "*.txt"]}, "a pattern"),
        ({"exclude": ["old/"]}, "exclude"),
        ({"pattern": "*.md", "exclude": ["old/"]}, "a pattern"),
    ],
)
def test_prune_with_a_choice_of_files_needs_a_scope(xai: Xai, eight: Path, chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIFailException, match=rf"prune with {said} needs a scope of its own.*Pass scope="):
        sync(eight, prune=True, **chosen)
    assert writes(xai) == {}
    assert sync(eight, prune=True, **chosen, scope="mine")["added"] == 8


def test_an_exclude_that_a_template_left_empty_is_none(xai: Xai, eight: Path) -> None:
    sync(eight, prune=True, exclude="")
    assert sync(eight, prune=True, exclude=[" "])["kept"] == 8


# Sources that show less than they have


@pytest.fixture
def shut(eight: Path) -> Iterator[Path]:
    """Documents in a folder that shows their names, and nothing else, to those who are not its owner."""
    with public(write(eight, {f"shut/{number}.md": f"shut {number}" for number in range(3)})) as folder:
        yield folder


def test_documents_in_a_folder_that_lets_nobody_read_them_stay(
    xai: Xai, shut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whales = sync(shut)["collection_id"]
    before = xai.names(whales)
    (shut / "shut").chmod(0o644)
    monkeypatch.setattr(scanning, "scan", as_nobody(scanning.scan))
    monkeypatch.setattr(scanning, "read_item", as_nobody(scanning.read_item))
    with pytest.raises(XAIError, match=r"3 of 11 documents are not .*shut/0\.md cannot be read \(Permission denied\)"):
        sync(shut, prune=True, max_prune=None)
    assert xai.names(whales) == before


def test_documents_from_below_a_link_that_is_not_followed_stay(xai: Xai, eight: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", {"x.md": "x"})
    (eight / "out").symlink_to(elsewhere)
    (eight / "0.md").unlink()
    (eight / "0.md").symlink_to(write(tmp_path / "secret", {"0.md": "secret"}) / "0.md")
    whales = sync(eight, follow_links=True)["collection_id"]
    assert contents(xai, whales)["out/x.md"] == "x"
    manifest = sync(eight, prune=True, max_prune=None)
    assert counts(manifest) == {"documents": 9, "kept": 7, "skipped": 2}
    reasons = {problem["name"]: problem["reason"] for problem in manifest["problems"]}
    for name, target in (("0.md", "secret/0.md"), ("out", "elsewhere")):
        said = f"it is a link that leads out of the source, to '{tmp_path}/{target}': follow_links=True takes"
        assert reasons[name].startswith(said)
    assert contents(xai, whales)["out/x.md"] == "x"


# What comes between the listing and the pruning


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


SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
#: Where something can happen between the uploads and the pruning.
LATER = pytest.mark.parametrize("way", ["deferred", "group"])


async def pruned(way: str, source: Path, meanwhile: Callable[[], Any] = lambda: None, **arguments: Any) -> Any:
    """Return the manifest of a sync that prunes.

    :param meanwhile: happens when uploads are over and pruning has not begun.
    """
    arguments = {"prune": True, "concurrency": 1, **arguments}
    if way == "deferred":
        deferred: dict[str, Any] = {"source": source, "collection_name": "whales", "deferrable": True, **arguments}
        with deferring() as caught:
            run(task(**deferred))
        meanwhile()
        return await finish(caught[0], task(**deferred))
    report = arguments.pop("report", None)
    cluster = Cluster(source, source.parent / "workspace", arguments)
    for shard in cluster.plan():
        with suppress(*ERRORS):
            cluster.apply(shard)
    meanwhile()
    return cluster.finish(report=report)


def texts(source: Path) -> dict[str, str]:
    return {path.relative_to(source).as_posix(): path.read_text() for path in source.rglob("*.md")}


def renamed(source: Path) -> None:
    (source / "0.md").rename(source / "moved.md")


def renamed_over_another(source: Path) -> None:
    (source / "0.md").rename(source / "1.md")


def moved_and_edited(source: Path) -> None:
    (source / "0.md").unlink()
    write(source, {"deep/0.md": "no 0, second edition"})


def removed(source: Path) -> None:
    (source / "0.md").unlink()


def removed_while_others_come(source: Path) -> None:
    (source / "0.md").unlink()
    write(source, {"later.md": "later", "1.md": "no 1, second edition", "new.md": "new, second edition"})


@SLOW
@LATER
@pytest.mark.parametrize(
    ("meanwhile", "stays"),
    [
        (renamed, True),
        (renamed_over_another, True),
        (moved_and_edited, True),
        (removed, False),
        (removed_while_others_come, False),
    ],
)
async def test_what_may_have_a_new_name_by_now_stays_until_the_next_run(
    xai: Xai, eight: Path, way: str, meanwhile: Callable[[Path], None], stays: bool, logged: Logged
) -> None:
    sync(eight)
    write(eight, {"new.md": "new"})
    manifest = await pruned(way, eight, lambda: meanwhile(eight))
    assert (manifest["added"], manifest["removed"], manifest["left"]) == (1, not stays, stays)
    assert ("0.md" in contents(xai, only_id(xai))) == stays
    assert ("1 documents that are missing from the source stay: it has them again, or other" in logged()) == stays
    sync(eight, prune=True)
    assert contents(xai, only_id(xai)) == texts(eight)


@SLOW
@LATER
async def test_old_versions_that_are_removed_before_make_no_refusal(xai: Xai, eight: Path, way: str) -> None:
    """With them, three of twelve documents are missing, which may go; without them, three of nine."""
    sync(eight)
    write(eight, {f"{number}.md": f"no {number}, second edition" for number in range(4)})
    sync(eight, wait_for_completion=False)
    for number in (5, 6, 7):
        (eight / f"{number}.md").unlink()
    write(eight, {"new.md": "new"})
    assert (await pruned(way, eight))["removed"] == 3


@SLOW
@LATER
async def test_too_much_that_is_lost_meanwhile_is_refused_when_all_else_is_done(
    xai: Xai, eight: Path, way: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    sync(eight)
    write(eight, {"new.md": "new"})
    said = r"^pruning is refused: 5 of 9 documents .* max_prune is 0\.25\..*\. All else is done$"
    with pytest.raises(XAIFailException, match=said):
        await pruned(way, eight, lambda: without(eight, 5), report=report)
    assert len(contents(xai, only_id(xai))) == 9
    assert by_name(report_of(report), "outcome")["new.md"] == "processed"


# Documents that are not processed


def test_nothing_is_removed_when_the_key_is_refused(xai: Xai, eight: Path) -> None:
    whales = sync(eight)["collection_id"]
    write(without(eight, 1), {"new.md": "new, of a size of its own"})
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=403))
    with pytest.raises(XAIFailException, match="403"):
        sync(eight, prune=True)
    assert "0.md" in xai.names(whales)
