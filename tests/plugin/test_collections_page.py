"""The first page: every collection with its state, what needs somebody, and no more requests than it has rows."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.plugin.overview import COLLECTIONS_PER_PAGE
from tests.conftest import playing
from tests.operators.stage import Xai
from tests.plugin.site import Past, Site, extra_of, progress_of

some_fail = pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",), stuck=("slow*",))])


def states_on(shown: Any) -> dict[str, str]:
    return {view.name: view.state.word for view in shown.view.collections}


@pytest.fixture
def zoo(past: Past, xai: Xai) -> dict[str, str]:
    """A collection in each state."""
    names = ("fine", "documents failed", "run failed", "paused", "at work", "indexing", "nobody's")
    ids = {name: xai.collection(name) for name in names}
    xai.document(ids["documents failed"], "bad.md")
    xai.document(ids["documents failed"], "good.md")
    xai.document(ids["indexing"], "slow.md")
    past.synced(ids["fine"], extra_of("fine"), dag_id="fine")
    past.synced(ids["documents failed"], extra_of(), dag_id="documents_failed")
    past.synced(ids["run failed"], None, None, extra_of(), dag_id="run_failed")
    past.synced(ids["paused"], extra_of(), dag_id="paused", is_paused=True)
    past.synced(ids["at work"], None, extra_of(), dag_id="at_work")
    past.run("at_work", "manual__3", "running", hours_ago=0.1)
    past.synced(ids["indexing"], extra_of(), dag_id="indexing")
    xai.forget()
    return ids


@some_fail
def test_each_has_its_state_and_what_needs_somebody_is_above_them(site: Site, zoo: dict[str, str]) -> None:
    shown = site.get()
    assert shown.status == 200
    assert states_on(shown) == {
        "documents failed": "1 failed",
        "run failed": "Last run failed",
        "paused": "Dag paused",
        "at work": "Running",
        "indexing": "1 in progress",
        "fine": "In step",
        "nobody's": "No run known",
    }
    assert shown.view.headline.word == "3 of 7 collections need a look"
    assert shown.view.look.unknown == ()
    assert [(todo.collection.name, todo.text, todo.is_airflow) for todo in shown.view.todo] == [
        ("documents failed", "searches do not find them", False),
        ("run failed", f"2 runs in a row failed, since {shown.view.todo[1].text[-16:]}", True),
        ("paused", f"no run since {shown.view.todo[2].text[-16:]}", True),
    ]
    assert shown.view.todo[1].path == "/dags/run_failed/runs/manual__3/tasks/sync"
    assert shown.view.look.failed == shown.view.all_failed == 1


@some_fail
@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("look", {"documents failed", "run failed", "paused"}),
        ("running", {"at work", "indexing"}),
        ("fine", {"fine"}),
        ("unknown", {"nobody's"}),
    ],
)
def test_a_state_can_be_chosen(site: Site, zoo: dict[str, str], state: str, names: set[str]) -> None:
    assert set(states_on(site.get(state=state))) == names


def test_they_are_sorted_and_found_by_name_or_id(site: Site, past: Past, xai: Xai) -> None:
    ids = {name: xai.collection(name) for name in ("beta", "Alpha", "gamma")}
    xai.attach(ids["beta"], xai.files(3))
    xai.attach(ids["gamma"], xai.files(1))
    past.synced(ids["gamma"], extra_of())
    assert list(states_on(site.get(sort="name"))) == ["Alpha", "beta", "gamma"]
    assert list(states_on(site.get(sort="documents"))) == ["beta", "gamma", "Alpha"]
    assert list(states_on(site.get(sort="size"))) == ["beta", "gamma", "Alpha"]
    assert next(iter(states_on(site.get(sort="run")))) == "gamma"
    assert list(states_on(site.get(q="ALPH"))) == ["Alpha"]
    assert list(states_on(site.get(q=ids["beta"]))) == ["beta"]
    none = site.get(q="nothing like it")
    assert (none.status, none.view.collections, none.view.total) == (200, (), 0)


def test_of_150_collections_a_page_is_shown_and_asked_about(site: Site, past: Past, xai: Xai) -> None:
    for number in range(150):
        xai.attach(xai.collection(f"c{number:03}"), xai.files(1, f"of{number}"))
    xai.forget()
    last = site.get(page=6, sort="name").view
    assert [last.collections[0].name, last.collections[-1].name] == ["c125", "c149"]
    assert (last.number, last.pages, last.first, last.total) == (6, 6, 126, 150)
    assert (last.all_failed, last.look.failed) == (None, None), "only those that are shown were asked about"
    assert (last.all_documents, len(last.collections)) == (150, COLLECTIONS_PER_PAGE)
    assert xai.emulator.counts == {"list_collections": 2, "list_documents": COLLECTIONS_PER_PAGE}
    assert [site.get(page=page).view.number for page in (1, 2, 99)] == [1, 2, 6]


def test_counts_of_the_last_day_growth_and_sizes(site: Site, past: Past, xai: Xai) -> None:
    whales = xai.collection()
    xai.attach(whales, xai.files(5))
    old = extra_of(documents=1, added=1000)
    past.synced(whales, extra_of(documents=5, added=2, removed=1, bytes=70), extra_of(documents=4, added=3))
    past.run("sync_docs", "manual__0", hours_ago=25)
    past.event(whales, old, run_id="manual__0", hours_ago=25)
    view = site.get().view
    assert (view.recently.added, view.recently.removed, view.recently.bytes) == (5, 1, 70)
    assert (view.grown, view.collections[0].growth) == (4, (1, 4, 5))
    assert view.all_documents == view.collections[0].documents == 5
    assert view.all_bytes == view.collections[0].bytes > 0
    assert view.monthly > 0


def test_several_names_of_one_asset_are_one_history(site: Site, past: Past, xai: Xai) -> None:
    """An asset that a Dag names otherwise than an alias does is another row of Airflow's, with events of its own."""
    whales = xai.collection()
    past.synced(whales, extra_of(documents=1), dag_id="by_alias")
    past.dag("by_name")
    named = past.asset(whales, name="our whales", producer=("by_name", "sync"))
    past.run("by_name", "manual__9", hours_ago=0.5)
    past.event(whales, extra_of(documents=2), dag_id="by_name", run_id="manual__9", hours_ago=0.5, asset_id=named)
    (view,) = site.get().view.collections
    assert [run.dag_id for run in view.runs] == ["by_name", "by_alias"]
    assert {dag.dag_id for dag in view.dags} == {"by_name", "by_alias"}


def test_assets_of_other_kinds_and_of_collections_that_are_gone_are_not_shown(site: Site, past: Past, xai: Xai) -> None:
    xai.collection("ours")
    past.asset("s3", uri="s3://bucket/xai://collections/collection_1")
    past.asset("other", uri="xai://collectionsx/collection_1")
    past.synced("collection_deleted", extra_of("deleted"))
    assert list(states_on(site.get())) == ["ours"]
    assert list(states_on(site.get(user="viewer"))) == ["deleted"]


def test_with_no_collection_at_all_the_first_steps_are_shown(site: Site, past: Past, xai: Xai) -> None:
    view = site.get().view
    assert view.headline == "There is no collection yet"
    assert len(view.steps) == 3


def test_nothing_is_called_absent_that_was_only_not_seen(site: Site, past: Past, xai: Xai) -> None:
    xai.collection()
    view = site.get(user="viewer").view
    assert view.headline == "No collection is known"
    assert view.steps == ()


def test_nobody_has_asked_xai_before_a_page_is_opened(site: Site, past: Past, xai: Xai) -> None:
    assert site.send("GET", "/api/v2/plugins", headers={}).status == 200
    assert site.get("/static/icon.svg").status == 200
    assert xai.emulator.requests == []


class TestProgress:
    """Progress that running tasks have told."""

    def test_of_a_running_task_it_is_shown(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of())
        past.run("sync_docs", "manual__2", "running", hours_ago=0.1)
        past.progress("sync_docs", "manual__2", progress_of(whales, seconds_left=90.0))
        (view,) = site.get().view.collections
        assert view.state.word == "Running"
        progress = view.runs[0].progress
        assert (progress.stage, progress.documents, progress.total, progress.share) == ("uploading", 10, 40, 0.25)
        assert progress.seconds_left == 90
        assert view.runs[1].progress is None

    def test_the_first_run_of_a_collection_is_seen_before_it_has_told_anything_else(
        self, site: Site, past: Past, xai: Xai
    ) -> None:
        whales = xai.collection()
        past.dag("sync_docs")
        past.run("sync_docs", "manual__1", "running", hours_ago=0.1)
        past.progress("sync_docs", "manual__1", progress_of(whales))
        (view,) = site.get().view.collections
        assert (view.state.word, len(view.runs)) == ("Running", 1)
        assert view.runs[0].progress is not None

    def test_parts_of_a_group_are_added_up_before_the_task_that_has_the_outlet_begins(
        self, site: Site, past: Past, xai: Xai
    ) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of())
        for number, left in enumerate((30.0, 70.0, None)):
            stage = "done" if left is None else "uploading"
            past.run("sync_docs", "manual__2", "running", task_id="place", map_index=number, hours_ago=0.1)
            told = progress_of(whales, stage=stage, failed=1, seconds_left=left)
            past.progress("sync_docs", "manual__2", told, task_id="place", map_index=number)
        (view,) = site.get().view.collections
        assert view.state.word == "Running"
        progress = view.runs[0].progress
        assert (progress.documents, progress.total, progress.failed, progress.seconds_left) == (30, 120, 3, 70)

    def test_collections_that_one_run_fills_are_kept_apart(self, site: Site, past: Past, xai: Xai) -> None:
        ids = {name: xai.collection(name) for name in ("birds", "whales")}
        past.dag("sync_docs")
        for number, name in enumerate(ids):
            past.run("sync_docs", "manual__1", "running", task_id=name, hours_ago=0.1)
            told = progress_of(ids[name], documents=10 + number, total=100)
            past.progress("sync_docs", "manual__1", told, task_id=name)
        views = {view.name: view.runs[0].progress for view in site.get().view.collections}
        assert {name: (each.documents, each.total) for name, each in views.items()} == {
            "birds": (10, 100),
            "whales": (11, 100),
        }

    def test_another_task_of_the_run_that_has_ended_does_not_hide_it(self, site: Site, past: Past, xai: Xai) -> None:
        """Such as the task that created the collection, a moment before."""
        whales = xai.collection()
        past.synced(whales, extra_of())
        past.run("sync_docs", "manual__2", "running", hours_ago=0.2)
        past.run("sync_docs", "manual__2", task_id="create", hours_ago=0.1)
        past.event(whales, extra_of(), run_id="manual__2", task_id="create", hours_ago=0.1)
        past.progress("sync_docs", "manual__2", progress_of(whales))
        (view,) = site.get().view.collections
        (running,) = [run for run in view.runs if run.is_running]
        assert running.progress.documents == 10

    @pytest.mark.parametrize("end", ["failed", "success"])
    def test_a_task_that_has_ended_is_not_at_work_whatever_it_told_last(
        self, site: Site, past: Past, xai: Xai, end: str
    ) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of())
        past.run("sync_docs", "manual__2", end, hours_ago=0.1)
        past.progress("sync_docs", "manual__2", progress_of(whales))
        (view,) = site.get().view.collections
        assert [run.state for run in view.runs] == [end, "success"]

    @pytest.mark.parametrize(
        "told",
        [
            {"seconds_ago": 3_600},
            {"stage": "done"},
            {"version": 2},
            {"updated": "yesterday"},
            {"collection_id": "collection_of_others"},
        ],
    )
    def test_what_is_old_over_or_not_understood_makes_no_run(
        self, site: Site, past: Past, xai: Xai, told: dict[str, Any]
    ) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of())
        past.run("sync_docs", "manual__2", "running", task_id="place", hours_ago=0.1)
        past.progress("sync_docs", "manual__2", progress_of(whales, **told), task_id="place")
        (view,) = site.get().view.collections
        assert [run.state for run in view.runs] == ["success"]

    def test_times_that_no_clock_shows_are_harmless(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of())
        past.run("sync_docs", "manual__2", "running", hours_ago=0.1)
        past.progress("sync_docs", "manual__2", progress_of(whales, updated=1e300, began=-1e300))
        assert site.get().view.collections[0].state.word == "Running"
