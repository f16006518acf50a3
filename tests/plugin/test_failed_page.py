"""Failed documents of all collections: by reason, with what to do, and which collections could not be read."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.plugin import screens
from tests.conftest import playing
from tests.operators.stage import Xai
from tests.plugin.site import Past, Site, extra_of

pytestmark = pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",))])


@pytest.fixture
def ids(past: Past, xai: Xai) -> dict[str, str]:
    """Two collections with failed documents, and one without."""
    ids = {name: xai.collection(name) for name in ("whales", "birds", "fine")}
    for name in ("bad1.md", "bad2.md", "good.md"):
        xai.document(ids["whales"], name)
    xai.document(ids["birds"], "bad3.md")
    xai.document(ids["fine"], "good.md")
    problems = [{"name": "bad1.md", "outcome": "failed", "reason": "no text"}]
    past.synced(
        ids["whales"], extra_of(failed=2, report={"problems": problems}), extra_of(report={"problems": problems})
    )
    xai.forget()
    return ids


def names_in(shown: Any) -> set[str]:
    return {each.document.name for group in shown.view.groups for each in group.documents}


def test_they_are_in_groups_with_advice_one_request_for_each_collection(
    site: Site, xai: Xai, ids: dict[str, str]
) -> None:
    shown = site.get("/failed")
    assert names_in(shown) == {"bad1.md", "bad2.md", "bad3.md"}
    assert all(group.reason and group.advice for group in shown.view.groups)
    assert shown.view.total == shown.view.look.failed == 3
    assert shown.view.collections == {ids["whales"]: 2, ids["birds"]: 1}
    assert shown.view.unread == ()
    assert xai.emulator.counts == {"list_collections": 1, "list_documents": 3}


def test_each_names_its_collection_and_the_first_run_that_named_it(site: Site, ids: dict[str, str]) -> None:
    by_name = {each.document.name: each for group in site.get("/failed").view.groups for each in group.documents}
    assert by_name["bad3.md"].collection.name == "birds"
    named = by_name["bad1.md"]
    assert (named.runs, named.run.run_id) == (2, "manual__1")
    assert (by_name["bad2.md"].runs, by_name["bad2.md"].run) == (0, None)
    assert not by_name["bad1.md"].is_new, "two runs have named it, although it was uploaded again"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"q": "BAD1"}, {"bad1.md"}),
        ({"q": "nothing"}, set()),
        ({"since": "1"}, {"bad1.md", "bad2.md", "bad3.md"}),
        ({"since": "999999999999"}, {"bad1.md", "bad2.md", "bad3.md"}),
    ],
)
def test_they_are_chosen_by_name_and_time(site: Site, ids: dict[str, str], choice: Any, names: set[str]) -> None:
    assert names_in(site.get("/failed", **choice)) == names


def test_those_of_one_collection_are_read_alone(site: Site, xai: Xai, ids: dict[str, str]) -> None:
    shown = site.get("/failed", c=ids["birds"])
    assert names_in(shown) == {"bad3.md"}
    assert xai.emulator.counts == {"list_collections": 1, "list_documents": 1}


def test_of_more_collections_than_a_page_asks_about_the_others_are_named(
    site: Site, xai: Xai, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "MAX_READ", 2)
    shown = site.get("/failed")
    assert len(shown.view.unread) == 1
    assert xai.emulator.counts == {"list_collections": 1, "list_documents": 2}


def test_more_than_a_page_of_them_is_said_to_be_more(site: Site, past: Past, xai: Xai) -> None:
    whales = xai.collection("whales")
    xai.attach(whales, xai.files(101, "bad"))
    shown = site.get("/failed")
    assert (shown.view.total, shown.view.is_at_least, shown.view.look.failed) == (100, True, None)
    assert "100 failed documents or more" in shown.text
    assert "No failed document among those that were read matches" in site.get("/failed", q="nothing").text
    (row,) = site.get().view.collections
    assert row.state.word == "100 or more failed"


def test_of_one_collection_it_is_not_the_number_of_all(site: Site, ids: dict[str, str]) -> None:
    assert site.get("/failed", c=ids["birds"]).view.look.failed is None


def test_what_a_run_could_not_add_is_in_no_collection(site: Site, past: Past, xai: Xai) -> None:
    whales = xai.collection("whales")
    xai.document(whales, "good.md")
    problems = [{"name": "locked.md", "outcome": "error", "reason": "permission denied"}]
    past.synced(whales, extra_of(failed=1, report={"problems": problems}))
    view = site.get().view
    assert view.collections[0].state.word == "1 not added"
    (todo,) = view.todo
    assert (todo.quote, todo.path) == ("permission denied", f"c/{whales}/runs")
