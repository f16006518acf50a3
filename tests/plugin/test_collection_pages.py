"""The pages of one collection: its documents, its runs, its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AssetAlias

from airflow_provider_xai_collections.api.documents import DocumentsSortBy
from airflow_provider_xai_collections.api.wire import Ordering
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.plugin.documents import PER_PAGE
from tests.conftest import playing
from tests.operators.stage import Xai, accessors, run, write
from tests.plugin.site import Past, Site, extra_of

LISTED = "list_documents"


def names_on(shown: Any) -> list[str]:
    return [each.name for each in shown.view.documents]


class TestDocuments:
    def test_they_are_paged_by_the_services_tokens_one_request_a_page(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        count = 3 * PER_PAGE + 1
        xai.attach(whales, xai.files(count))
        seen: list[str] = []
        token = ""
        for number in range(4):
            xai.forget()
            shown = site.get(f"/c/{whales}", token=token, before=len(seen))
            assert (shown.view.is_start, shown.view.before) == (number == 0, len(seen))
            assert len(shown.view.documents) <= PER_PAGE
            # One for those that are shown, one for the states of the collection.
            assert xai.emulator.counts == {"get_collection": 1, LISTED: 2}
            seen += names_on(shown)
            token = shown.view.next_token
        assert (token, len(seen), len(set(seen))) == ("", count, count)
        assert shown.view.collection.states.processed == count

    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            ("", (DocumentsSortBy.AGE, Ordering.DESCENDING)),
            ("oldest", (DocumentsSortBy.AGE, Ordering.ASCENDING)),
            ("largest", (DocumentsSortBy.SIZE, Ordering.DESCENDING)),
            ("name", (DocumentsSortBy.NAME, Ordering.ASCENDING)),
        ],
    )
    def test_they_come_in_the_order_that_is_chosen(
        self, site: Site, past: Past, xai: Xai, sort: str, order: tuple[str, str]
    ) -> None:
        whales = xai.collection()
        sizes = {"b.md": 1, "c.md": 300, "a.md": 20}
        for name, size in sizes.items():
            xai.document(whales, name, "w" * size)
        xai.forget()
        shown = site.get(f"/c/{whales}", sort=sort)
        (query,) = [query for query in xai.queries(LISTED) if "sort_by" in query]
        assert (query["sort_by"], query["order"]) == order
        expected = {"largest": ["c.md", "a.md", "b.md"], "name": ["a.md", "b.md", "c.md"]}
        assert sort not in expected or names_on(shown) == expected[sort]

    @pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",), stuck=("slow*",))])
    def test_they_are_chosen_by_state_name_and_scope(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        xai.hook.add_document(
            collection_id=whales, file_id=xai.file("good.md"), fields={"_airflow_scope": "x", "year": "1851"}
        )
        xai.document(whales, "bad.md")
        xai.document(whales, "slow.md")
        path = f"/c/{whales}"
        assert names_on(site.get(path, state="processed")) == ["good.md"]
        assert names_on(site.get(path, state="failed")) == ["bad.md"]
        assert names_on(site.get(path, state="in_progress")) == ["slow.md"]
        assert names_on(site.get(path, q="goo")) == ["good.md"]
        assert names_on(site.get(path, q="goo", state="failed")) == []
        states = site.get(path).view.collection.states
        assert (states.processed, states.failed, states.in_progress, states.is_at_least) == (1, 1, 1, False)
        by_name = {each.name: each for each in site.get(path).view.documents}
        assert by_name["bad.md"].state.needs_a_look
        assert by_name["bad.md"].reason
        assert by_name["good.md"].fields["year"] == "1851"

    def test_a_filter_is_text_and_no_part_of_the_filters_language(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        name = "a' OR status:x.md"
        xai.document(whales, name)
        xai.document(whales, "other.md")
        assert names_on(site.get(f"/c/{whales}", q="a' OR status:")) == [name]

    def test_a_token_that_is_none_leaves_the_documents_unknown(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        xai.document(whales)
        shown = site.get(f"/c/{whales}", token="junk")
        assert (shown.status, shown.view.documents) == (200, None)
        assert shown.view.collection.documents == 1
        assert shown.view.look.unknown

    def test_scopes_of_its_runs_can_be_chosen(self, site: Site, past: Past, xai: Xai) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of(report={"scope": "/a"}), extra_of(report={"scope": "/b"}))
        xai.forget()
        assert site.get(f"/c/{whales}", scope="/a").view.scopes == ("/a", "/b")
        assert any("/a" in query.get("filter", "") for query in xai.queries(LISTED))


@pytest.mark.parametrize("path", ["", "/runs", "/settings", "/ask"])
def test_a_collection_that_is_not_there_is_404(site: Site, past: Past, xai: Xai, path: str) -> None:
    past.synced("collection_deleted", extra_of("deleted"))
    shown = site.get(f"/c/collection_deleted{path}")
    assert (shown.status, shown.view.headline) == (404, "There is no such collection")


class TestRuns:
    @pytest.fixture
    def whales(self, past: Past, xai: Xai) -> str:
        whales = xai.collection()
        failures: dict[str, Any] = {
            "report": {
                "scope": "/b",
                "sources": ["s3://bucket/b"],
                "report": "s3://reports/1.jsonl",
                "problems": [{"name": "x.md", "outcome": "failed", "reason": "encrypted"}],
            }
        }
        past.synced(whales, None, extra_of(failed=2, **failures), extra_of(added=3), extra_of(), owner="Ahab")
        return whales

    @pytest.mark.parametrize(
        ("outcome", "runs"),
        [
            ("", ["manual__4", "manual__3", "manual__2", "manual__1"]),
            ("failed", ["manual__4"]),
            ("failures", ["manual__4", "manual__3"]),
            ("changed", ["manual__2"]),
        ],
    )
    def test_they_are_newest_first_and_chosen_by_outcome(
        self, site: Site, whales: str, outcome: str, runs: list[str]
    ) -> None:
        shown = site.get(f"/c/{whales}/runs", outcome=outcome)
        assert [run.run_id for run in shown.view.runs] == runs

    def test_each_tells_what_its_event_told(self, site: Site, whales: str) -> None:
        failed, some, *_ = site.get(f"/c/{whales}/runs").view.runs
        assert (failed.has_failed, failed.counts, failed.documents) == (True, None, None)
        assert (some.counts.failed, some.documents, some.kept, some.seconds) == (2, 3, 3, 60)
        assert (some.scope, some.sources, some.report) == ("/b", ("s3://bucket/b",), "s3://reports/1.jsonl")
        assert [(each.name, each.outcome, each.reason) for each in some.problems] == [("x.md", "failed", "encrypted")]

    def test_they_are_chosen_by_scope_and_number(self, site: Site, whales: str) -> None:
        assert [run.run_id for run in site.get(f"/c/{whales}/runs", scope="/b").view.runs] == ["manual__3"]
        assert len(site.get(f"/c/{whales}/runs", n=2).view.runs) == 2

    def test_settings_name_the_scopes_with_what_the_last_run_knew(self, site: Site, whales: str) -> None:
        view = site.get(f"/c/{whales}/settings").view
        assert [(scope.scope, scope.task_id, scope.documents) for scope in view.scopes] == [
            ("/b", "sync", 3),
            ("/library", "sync", 6),
        ]
        assert view.scopes[0].dag.owners == ("Ahab",)
        assert view.asset_uri == f"xai://collections/{whales}"
        assert view.settings["Model"]
        assert view.price.together >= 0

    def test_an_event_that_no_task_made_is_no_run(self, site: Site, past: Past, xai: Xai) -> None:
        """Anybody who may can make one by Airflow's API."""
        whales = xai.collection()
        past.synced(whales, extra_of())
        past.event(whales, extra_of(documents=9), dag_id=None, run_id=None, task_id=None, hours_ago=0.1)
        assert [run.run_id for run in site.get(f"/c/{whales}/runs").view.runs] == ["manual__1"]


#: What other versions of this provider, or anybody else, may have written into events.
EXTRAS: dict[str, Any] = {
    "nothing": {},
    "report is null": {"report": None},
    "report is text": {"report": "all fine"},
    "counts are text": {"added": "3", "failed": None, "bytes": [1], "documents": {"a": 1}},
    "lists are none": {"report": {"problems": 5, "sources": 5, "scope": ["x"], "report": {}, "kept": "9"}},
    "lists are texts": {"report": {"problems": "all", "sources": "here"}},
    "problems are none": {"report": {"problems": [None, 3, "x", {}, {"name": None}, ["a"]]}},
    "name is a list": {"collection_name": ["whales"]},
    "numbers are huge": {"added": 10**30, "documents": -(10**30), "bytes": 1.5},
}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_events_of_other_versions_are_harmless(site: Site, past: Past, xai: Xai, extra: Any) -> None:
    whales = xai.collection()
    past.synced(whales, extra)
    for path in ("/", "/failed", f"/c/{whales}", f"/c/{whales}/settings"):
        assert site.get(path).status == 200
    assert site.get(user="viewer").status == 200
    assert len(site.get(f"/c/{whales}/runs").view.runs) == 1


def test_what_a_task_really_writes_is_understood(site: Site, past: Past, xai: Xai, tmp_path: Path) -> None:
    folder = write(tmp_path / "library", {"a.md": "alpha", "b.md": "beta", "photo.heic": b"\0\1"})
    events = accessors()
    alias = AssetAlias("any collection")
    task = XAISyncCollectionOperator(task_id="sync", outlets=[alias], source=str(folder), collection_name="whales")
    run(task, outlet_events=events)
    (event,) = events[alias].asset_alias_events
    past.synced(event.dest_asset_key.uri.rpartition("/")[2], event.extra)
    (view,) = site.get(user="viewer").view.collections
    (told,) = view.runs
    assert (view.name, told.counts.added, told.counts.bytes, told.documents) == ("whales", 2, 9, 2)
    assert told.scope
    assert told.sources


HOSTILE = "<script>alert(1)</script>'\"\u202e{{7*7}}\n</pre>"


def test_hostile_names_are_harmless_wherever_they_are_shown(site: Site, past: Past, xai: Xai) -> None:
    whales = xai.collection(HOSTILE.replace("\n", " "))
    xai.document(whales, "<script>alert(1)<script>'\u202e{{7*7}}")
    report = {"scope": HOSTILE, "sources": [HOSTILE], "report": "javascript:alert(1)"}
    problem = {"name": HOSTILE, "outcome": "failed", "reason": HOSTILE}
    past.synced(whales, extra_of(HOSTILE, failed=1, report={**report, "problems": [problem]}), owner=HOSTILE)
    for path in ("/", "/failed", "/ask", *(f"/c/{whales}{each}" for each in ("", "/runs", "/settings", "/ask"))):
        for user in ("op", "viewer"):
            shown = site.get(path, user=user, q=HOSTILE[:8], scope=HOSTILE, expect=HOSTILE)
            assert (path, shown.status) == (path, 200)
            assert "<script>alert" not in shown.text
            assert 'href="javascript:' not in shown.text
