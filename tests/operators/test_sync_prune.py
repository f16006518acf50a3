"""Pruning: off unless asked for, refused where it would be a pity, and blind to what is not its own."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.sources import scanning
from tests.conftest import Logged
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import contents, counts, sync, writes
from tests.unprivileged import as_nobody, public


@pytest.fixture
def eight(tmp_path: Path) -> Path:
    return write(tmp_path / "eight", {f"{number}.md": f"no {number}" for number in range(8)})


def without(source: Path, count: int) -> Path:
    for number in range(count):
        (source / f"{number}.md").unlink()
    return source


def test_it_is_off_by_default_and_what_stays_is_counted(xai: Xai, eight: Path, logged: Logged) -> None:
    sync(eight)
    manifest = sync(without(eight, 3))
    assert counts(manifest) == {"documents": 5, "kept": 5, "left": 3}
    assert f"3 documents that {eight.as_uri()} has no longer stay, because prune is off" in logged()
    assert len(xai.names(manifest["collection_id"])) == 8


@pytest.mark.parametrize(
    ("max_prune", "gone", "allowed"),
    [
        (None, 7, True),
        (0, 1, False),
        (1, 1, True),
        (1, 2, False),
        (3, 3, True),
        (0.25, 2, True),
        (0.25, 3, False),
        (0.99, 7, True),
        (100, 7, True),
    ],
)
def test_it_removes_no_more_than_it_may(
    xai: Xai, eight: Path, max_prune: float | None, gone: int, allowed: bool
) -> None:
    whales = sync(eight)["collection_id"]
    without(eight, gone)
    write(eight, {"7.md": "no 7, second edition"})
    xai.forget()
    if allowed:
        assert sync(eight, prune=True, max_prune=max_prune)["removed"] == gone
        assert len(xai.names(whales)) == 8 - gone
    else:
        said = (
            rf"pruning is refused: {gone} of 8 documents .*eight/0\.md.* max_prune is {max_prune}\. .* Nothing was ch"
        )
        with pytest.raises(XAIFailException, match=said):
            sync(eight, prune=True, max_prune=max_prune)
        assert writes(xai) == {}


def test_by_default_a_quarter_may_go(xai: Xai, eight: Path) -> None:
    sync(eight)
    assert sync(without(eight, 2), prune=True)["removed"] == 2
    write(eight, {"0.md": "no 0", "1.md": "no 1"})
    sync(eight)
    with pytest.raises(XAIFailException, match="if they are meant to go, raise max_prune"):
        sync(without(eight, 3), prune=True)


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


def test_an_empty_source_of_an_empty_scope_is_no_reason_to_refuse(xai: Xai, tmp_path: Path, logged: Logged) -> None:
    assert counts(sync(tmp_path, prune=True)) == {}
    assert f"{tmp_path.as_uri()} holds no document" in logged()


def test_a_dry_run_is_refused_as_the_run_would_be(xai: Xai, eight: Path) -> None:
    sync(eight)
    with pytest.raises(XAIFailException, match="pruning is refused"):
        sync(without(eight, 3), prune=True, dry_run=True)


def test_nothing_is_removed_when_the_work_before_it_ended_early(xai: Xai, eight: Path) -> None:
    whales = sync(eight)["collection_id"]
    without(eight, 1)
    write(eight, {"new.md": "new"})
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=403))
    with pytest.raises(XAIFailException):
        sync(eight, prune=True)
    assert "0.md" in xai.names(whales)


def test_two_scopes_side_by_side_leave_each_other_alone(xai: Xai, eight: Path, folder: Path) -> None:
    whales = sync(eight)["collection_id"]
    sync(folder)
    without(eight, 1)
    (folder / "b.txt").unlink()
    assert sync(eight, prune=True)["removed"] == 1
    assert sync(folder, prune=True, max_prune=1)["removed"] == 1
    assert xai.names(whales) == ["1.md", "2.md", "3.md", "4.md", "5.md", "6.md", "7.md", "a.md", "deep/c.md"]


def test_the_same_file_in_two_scopes_is_two_documents(xai: Xai, folder: Path) -> None:
    whales = sync(folder, scope="mine")["collection_id"]
    sync(folder, scope="yours")
    assert xai.names(whales) == ["a.md", "a.md", "b.txt", "b.txt", "deep/c.md", "deep/c.md"]
    (folder / "a.md").unlink()
    sync(folder, scope="mine", prune=True, max_prune=1)
    assert xai.names(whales) == ["a.md", "b.txt", "b.txt", "deep/c.md", "deep/c.md"]


def test_documents_without_our_marks_are_nobodys_business(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    theirs = {xai.document(whales, "a.md", "alpha"), xai.document(whales, "other.md")}
    sync(folder, whales)
    (folder / "a.md").unlink()
    assert sync(folder, whales, prune=True, max_prune=1)["removed"] == 1
    assert theirs < {document.file_id for document in xai.documents(whales)}


@pytest.fixture
def shared(xai: Xai, folder: Path, tmp_path: Path) -> tuple[str, Path]:
    """A scope that holds documents of another source, and some that only carry its name."""
    whales = sync(folder, scope="library")["collection_id"]
    xai.hook.add_document(collection_id=whales, file_id=xai.file("x.md", "x"), fields={"airflow_scope": "library"})
    return whales, Path(shutil.move(folder, tmp_path / "moved"))


def test_a_scope_that_somebody_else_uses_is_said(xai: Xai, shared: tuple[str, Path], logged: Logged) -> None:
    whales, moved = shared
    assert counts(sync(moved, whales, scope="library")) == {"documents": 3, "added": 3}
    text = logged()
    assert f"the scope 'library' holds 4 documents that do not come from {moved.as_uri()} (" in text
    assert "(without a source, file:///" in text
    assert "are left alone. Give each source a scope of its own" in text


def test_pruning_in_a_scope_that_somebody_else_uses_is_refused(xai: Xai, shared: tuple[str, Path]) -> None:
    whales, moved = shared
    before = xai.names(whales)
    with pytest.raises(XAIFailException, match=r"pruning is refused: the scope 'library' holds 4 documents") as raised:
        sync(moved, whales, scope="library", prune=True, max_prune=None)
    assert "XAIRemoveDocumentsOperator(scope='library') removes all that the scope holds" in str(raised.value)
    assert xai.names(whales) == before


def test_an_ingestion_can_be_taken_over(xai: Xai, folder: Path) -> None:
    """What was ingested has no fingerprint, so it is read; and it is not there twice."""
    whales = xai.collection()
    ingest: dict[str, Any] = {"collection_id": whales, "paths": folder, "scope": "library"}
    run(XAIIngestDocumentsOperator(task_id="ingest", **ingest))
    xai.forget()
    assert counts(sync(folder, whales, scope="library")) == {"documents": 3, "kept": 3}
    assert set(writes(xai)) <= {"update_collection"}
    (folder / "b.txt").unlink()
    assert sync(folder, whales, scope="library", prune=True, max_prune=1)["removed"] == 1
    assert contents(xai, whales) == {"a.md": "alpha", "deep/c.md": "gamma"}


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"pattern": "*.md"}, "a pattern"),
        ({"pattern": ["*.md", "*.txt"]}, "a pattern"),
        ({"exclude": "*.tmp"}, "exclude"),
        ({"exclude": ["old/"]}, "exclude"),
        ({"pattern": "*.md", "exclude": ["old/"]}, "a pattern"),
    ],
)
def test_prune_with_a_choice_of_files_needs_a_scope(xai: Xai, eight: Path, chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIFailException, match=rf"prune with {said} needs a scope of its own.*Pass scope="):
        sync(eight, prune=True, **chosen)
    assert xai.emulator.counts == {}
    assert sync(eight, prune=True, **chosen, scope="mine")["added"] == 8


def test_an_exclude_that_a_template_left_empty_is_none(xai: Xai, eight: Path) -> None:
    sync(eight, prune=True, exclude="")
    assert sync(eight, prune=True, exclude=[" "])["kept"] == 8


@pytest.mark.parametrize("pattern", ["**/*.md", "*.md", ["*.md", "*.none"], "*.{md,txt}"])
def test_a_pattern_of_any_depth_means_the_root_as_well(xai: Xai, eight: Path, pattern: Any, logged: Logged) -> None:
    write(eight, {"README.md": "read me", "deep/er/README.md": "read me"})
    whales = sync(eight, scope="mine")["collection_id"]
    assert counts(sync(eight, scope="mine", prune=True, pattern=pattern)) == {"documents": 10, "kept": 10}
    assert "README.md" in xai.names(whales)
    assert ("pattern '*.none' matches nothing" in logged()) == isinstance(pattern, list)


@pytest.fixture
def shut(eight: Path) -> Iterator[Path]:
    """Documents in a folder that shows their names, and nothing else, to those who are not its owner."""
    with public(write(eight, {f"shut/{number}.md": f"shut {number}" for number in range(3)})) as folder:
        yield folder


def test_documents_in_a_folder_that_lets_nobody_look_at_them_are_not_taken_for_gone(
    xai: Xai, shut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whales = sync(shut)["collection_id"]
    before = xai.names(whales)
    (shut / "shut").chmod(0o644)
    monkeypatch.setattr(scanning, "scan", as_nobody(scanning.scan))
    monkeypatch.setattr(scanning, "read_entry", as_nobody(scanning.read_entry))
    with pytest.raises(XAIError, match=r"3 of 11 documents are not .*shut/0\.md cannot be read \(Permission denied\)"):
        sync(shut, prune=True, max_prune=None)
    assert xai.names(whales) == before


def test_a_folder_that_nobody_may_list_can_be_left_out_as_the_error_says(
    xai: Xai, shut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shut / "shut").rename(shut / "lost+found")
    (shut / "lost+found").chmod(0)
    monkeypatch.setattr(scanning, "scan", as_nobody(scanning.scan))
    with pytest.raises(XAISourceError, match=r"lost\+found cannot be listed \(Permission denied\)") as refused:
        sync(shut)
    assert writes(xai) == {}
    way_out = str(refused.value).partition("leave it out with exclude=")[2]
    assert way_out == "['lost+found/']"
    assert sync(shut, exclude=ast.literal_eval(way_out))["added"] == 8


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


def test_all_of_a_scope_is_a_share_of_one(xai: Xai, eight: Path) -> None:
    whales = sync(eight)["collection_id"]
    write(without(eight, 8), {"new.md": "new"})
    sync(eight, prune=True, max_prune=1.0)
    assert xai.names(whales) == ["new.md"]


def test_what_another_run_brings_in_meanwhile_is_not_taken_for_gone(
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
