"""Progress in XCom: a page can follow a task that runs, and what it reads never hinders the work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIInterruptedError
from airflow_provider_xai_collections.manifests.progress import PROGRESS_KEY, TaskProgress
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIRemoveDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run
from tests.operators.syncs import task

SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])


class Pushed(dict[str, str]):
    """XComs, and each progress that was pushed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[TaskProgress] = []

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value)
        if key == PROGRESS_KEY:
            self.all.append(TaskProgress.parse(json.loads(value)))

    @property
    def stages(self) -> list[str]:
        return [str(each.stage) for each in self.all]


class Refusing(dict[str, str]):
    """XComs that take nothing."""

    tried = 0

    def __setitem__(self, key: str, value: str) -> None:
        self.tried += 1
        raise RuntimeError("the api-server is down")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants to know is told of everything."""
    monkeypatch.setattr("airflow_provider_xai_collections.hooks.progress.LOG_INTERVAL", 0.0)


def test_a_quick_task_tells_that_it_has_begun_and_how_it_ended(xai: Xai, folder: Path) -> None:
    pushed = Pushed()
    manifest = run(task(source=folder, collection_name="whales"), xcoms=pushed)
    assert pushed.stages == ["listing", "done"], "and no more within ten seconds"
    end = pushed.all[-1]
    assert (end.collection_id, end.collection_name) == (manifest["collection_id"], "whales")
    assert (end.documents, end.total, end.failed) == (3, 3, 0)
    assert end.bytes == end.bytes_total == len("alphabetagamma")
    assert end.seconds_left is None
    assert pushed.all[0].began == end.began <= pushed.all[0].updated <= end.updated


@SLOW
@pytest.mark.usefixtures("at_once")
def test_it_goes_through_all_stages(xai: Xai, folder: Path) -> None:
    run(task(source=folder, collection_name="whales"))
    (folder / "a.md").write_text("alpha, second edition")
    (folder / "new.md").write_text("delta")
    pushed = Pushed()
    run(task(source=folder, collection_name="whales", overlap=0), xcoms=pushed)
    assert list(dict.fromkeys(pushed.stages)) == [
        *("listing", "reading", "uploading", "indexing", "finishing", "removing", "done"),
    ]
    uploading = [(each.documents, each.total) for each in pushed.all if each.stage == "uploading"]
    assert uploading == [(0, 2), (1, 2), (2, 2)]
    indexing = [each.documents for each in pushed.all if each.stage == "indexing"]
    assert indexing == sorted(indexing)
    assert (indexing[0], indexing[-1]) == (0, 2)


def test_a_task_that_fails_says_so(xai: Xai, folder: Path) -> None:
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", times=1, status=400))
    pushed = Pushed()
    with pytest.raises(XAIFailException):
        run(task(source=folder, collection_name="whales"), xcoms=pushed)
    assert pushed.stages[-1] == "failed"
    assert (pushed.all[-1].documents, pushed.all[-1].failed) == (3, 1)


@SLOW
async def test_a_task_that_is_deferred_is_indexing(xai: Xai, folder: Path) -> None:
    pushed, arguments = Pushed(), {"source": folder, "collection_name": "whales", "deferrable": True}
    with deferring() as caught:
        run(task(**arguments), xcoms=pushed)
    assert (pushed.stages[-1], pushed.all[-1].documents, pushed.all[-1].total) == ("indexing", 0, 3)
    await finish(caught[0], task(**arguments), xcoms=pushed)
    assert pushed.stages[-1] == "done"


@SLOW
@pytest.mark.parametrize("deferrable", [False, True])
async def test_attached_documents_are_followed_as_well(xai: Xai, deferrable: bool) -> None:
    whales, files, pushed = xai.collection(), [xai.file("a.md"), xai.file("b.md")], Pushed()
    arguments: dict[str, Any] = {"collection_id": whales, "file_ids": files, "deferrable": deferrable}
    if deferrable:
        with deferring() as caught:
            run(XAIAddDocumentsOperator(task_id="add", **arguments), xcoms=pushed)
        assert pushed.stages == ["attaching", "indexing"]
        await finish(caught[0], XAIAddDocumentsOperator(task_id="add", **arguments), xcoms=pushed)
    else:
        run(XAIAddDocumentsOperator(task_id="add", **arguments), xcoms=pushed)
    assert (pushed.stages[0], pushed.stages[-1]) == ("attaching", "done")
    assert (pushed.all[-1].documents, pushed.all[-1].total) == (2, 2)


@pytest.mark.usefixtures("at_once")
def test_a_push_that_fails_neither_fails_the_task_nor_is_tried_again(xai: Xai, folder: Path, logged: Logged) -> None:
    refusing = Refusing()
    assert run(task(source=folder, collection_name="whales"), xcoms=refusing)["added"] == 3
    assert refusing.tried == 1
    assert "XCom takes no progress of this task" in logged()


def test_what_is_not_long_shows_no_progress(xai: Xai) -> None:
    pushed = Pushed()
    run(XAICreateCollectionOperator(task_id="create", collection_name="whales"), xcoms=pushed)
    assert not pushed.all


@SLOW
@pytest.mark.usefixtures("at_once")
def test_a_killed_attempt_tells_nothing_more_for_its_next_one_may_have_begun(
    xai: Xai, folder: Path, dying: Any
) -> None:
    pushed, made = Pushed(), task(source=folder, collection_name="whales")
    with pytest.raises(XAIInterruptedError), dying("batch_get_documents", made.on_kill):
        run(made, xcoms=pushed)
    assert pushed.stages[-1] == "indexing"


@SLOW
@pytest.mark.usefixtures("at_once")
def test_whose_progress_it_is_is_told_also_where_only_a_name_is_given(xai: Xai) -> None:
    whales, pushed = xai.collection("whales"), Pushed()
    xai.document(whales)
    run(XAIRemoveDocumentsOperator(task_id="remove", collection_name="whales", filter='name:"moby"'), xcoms=pushed)
    assert {each.collection_id for each in pushed.all if each.stage != "listing"} == {whales}
