"""Who sees what: each side as far as the asking user may see it, and nothing by another way."""

from __future__ import annotations

import json

import pytest

from airflow_provider_xai_collections.plugin import screens
from tests.conftest import CONN_ID, MANAGEMENT_KEY, Connect
from tests.operators.stage import Xai
from tests.plugin.site import Past, Site, extra_of

PAGES = (
    "/",
    "/failed",
    "/ask",
    "/c/collection_1",
    "/c/collection_1/runs",
    "/c/collection_1/settings",
    "/c/collection_1/ask",
)


@pytest.mark.parametrize("user", ["op", "admin"])
def test_who_may_use_the_connection_sees_both_sides(site: Site, past: Past, xai: Xai, user: str) -> None:
    whales = xai.collection()
    past.synced(whales, extra_of())
    (shown,) = site.get(user=user).view.collections
    assert (shown.name, shown.documents, len(shown.runs)) == ("whales", 0, 1)


@pytest.mark.parametrize("user", ["viewer", "user"])
def test_others_see_airflows_side_and_xai_is_not_asked(site: Site, past: Past, xai: Xai, user: str) -> None:
    past.synced("collection_1", extra_of("whales"))
    for path in PAGES:
        shown = site.get(path, user=user)
        assert (path, shown.status) == (path, 200)
        assert [each.is_forbidden for each in shown.view.look.unknown] == [True]
        assert CONN_ID in shown.view.look.unknown[0].why
    assert xai.emulator.requests == []


def test_what_runs_have_told_is_shown_to_those_who_see_airflows_side_alone(site: Site, past: Past, xai: Xai) -> None:
    past.synced(xai.collection(), extra_of("whales", documents=7))
    (shown,) = site.get(user="viewer").view.collections
    assert (shown.name, shown.documents, shown.bytes, shown.states) == ("whales", None, None, None)
    assert (shown.runs[0].documents, shown.state.word) == (7, "Was in step")


@pytest.mark.parametrize("user", [None, "outsider"])
def test_who_may_see_neither_side_sees_nothing(site: Site, past: Past, xai: Xai, user: str | None) -> None:
    past.synced("collection_1", extra_of("whales"))
    for path in PAGES:
        shown = site.get(path, user=user)
        assert (path, shown.status) == (path, 403)
        assert shown.view.headline == "You may not see this page"
        assert "whales" not in shown.text
    assert xai.emulator.requests == []


def test_a_question_of_somebody_who_may_not_use_the_connection_is_not_asked(site: Site, past: Past, xai: Xai) -> None:
    for user, status in (("viewer", 200), (None, 403)):
        assert site.post("/ask", {"query": "whale"}, user=user).status == status
    assert xai.emulator.requests == []


@pytest.mark.parametrize("user", [None, "viewer", "op"])
def test_no_name_of_a_connection_leads_round_the_question_whether_it_may_be_used(
    site: Site, past: Past, xai: Xai, monkeypatch: pytest.MonkeyPatch, user: str | None
) -> None:
    """Airflow has no address for such a name, so its API cannot say whether the user may use it; but a vault or the
    environment may have a connection that is called so."""
    monkeypatch.setattr(
        "airflow.secrets.environment_variables.EnvironmentVariablesBackend.get_conn_value",
        lambda *_, **__: json.dumps({"conn_type": "xai_collections", "host": xai.hook.management.url, "password": "p"}),
    )
    for conn_id in ("team/xai", "..", "a/../b", "xai?x=1", "xai#", "%2e%2e", "xai collections", "~"):
        assert site.get(user=user, conn=conn_id).view.look.unknown
    assert xai.emulator.requests == []


@pytest.mark.parametrize("in_database", [True, False])
def test_a_connection_to_something_else_is_refused_and_its_password_is_sent_nowhere(
    site: Site, past: Past, xai: Xai, connect: Connect, monkeypatch: pytest.MonkeyPatch, in_database: bool
) -> None:
    host = xai.hook.management.url
    if in_database:
        past.connection("warehouse", "http", host=host, password="of the warehouse")
    else:
        document = {"conn_type": "http", "host": host, "password": "of the warehouse"}
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(document))
    for path in PAGES:
        shown = site.get(path, conn="warehouse")
        assert shown.status == 200
        assert "not one to xAI" in shown.view.look.unknown[0].why
        assert "of the warehouse" not in shown.text
    assert xai.emulator.requests == []


def test_connections_to_choose_from_are_those_to_xai_in_the_database(site: Site, past: Past, xai: Xai) -> None:
    past.connection("warehouse", "http")
    past.connection("other_team", "xai_collections", host="http://127.0.0.1:1", password=MANAGEMENT_KEY)
    assert site.get().view.look.connections == ("other_team", CONN_ID)
    assert site.get(user="viewer").view.look.connections == (CONN_ID,)


def test_a_connection_of_the_database_is_used(site: Site, past: Past, xai: Xai) -> None:
    extra = json.dumps({"api_key": "k"})
    past.connection("second", "xai_collections", host=xai.hook.management.url, password=MANAGEMENT_KEY, extra=extra)
    xai.collection("whales")
    shown = site.get(conn="second")
    assert [each.name for each in shown.view.collections] == ["whales"]
    assert shown.view.look.conn_id == "second"


def test_a_connection_that_nobody_knows_is_said_to_be_unknown(site: Site, past: Past, xai: Xai) -> None:
    shown = site.get(conn="nobodys")
    assert (shown.status, xai.emulator.requests) == (200, [])
    assert "'nobodys' cannot be read" in shown.view.look.unknown[0].why


@pytest.mark.parametrize("user", ["viewer", "op"])
def test_a_collection_is_found_by_its_name_with_and_without_xai(
    site: Site, past: Past, xai: Xai, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whales", "birds"):
        past.synced(xai.collection(name), extra_of(name), dag_id=f"sync_{name}")
    assert site.get("/named/whales", user=user).view.collection.name == "whales"
    assert [each.name for each in site.get(q="whal", user=user).view.collections] == ["whales"]
    assert [each.name for each in site.get("/named/whal", user=user).view.collections] == ["whales"]
    assert site.get(q="nobody", user="viewer").view.all_failed is None, "nobody was asked"
    monkeypatch.setattr(screens, "MAX_READ", 1)
    assert site.get(user=user).view.total == 2, "those whose names were not read are there too"
