"""A service or an Airflow that fails: the page comes in time, shows what is known, and says what is not."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections.client.drivers import AsyncClient
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.plugin import airflow_api, service
from tests.conftest import Connect
from tests.operators.stage import Xai
from tests.plugin.site import Past, Site, extra_of

#: Far longer than any page waits here.
HANGS = 20.0
FAULTS = {
    "answers 503": FaultRule(status=503),
    "asks to wait": FaultRule(status=429, retry_after="30"),
    "hangs": FaultRule(delay=HANGS),
    "cuts before": FaultRule(cut="before"),
    "cuts within": FaultRule(cut="partial"),
    "answers nonsense": FaultRule(body=b"<html>"),
}
every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page waits for less, so that a test does."""
    monkeypatch.setattr(service, "TIMEOUT", 0.7)


@every_fault
def test_the_first_page_shows_what_airflow_knows_after_one_try(
    site: Site, past: Past, xai: Xai, fault: FaultRule
) -> None:
    past.synced(xai.collection(), extra_of("whales", documents=7))
    xai.forget()
    xai.emulator.set_faults(fault)
    shown = site.get()
    assert shown.status == 200
    (view,) = shown.view.collections
    assert (view.name, view.documents, view.bytes, view.states) == ("whales", None, None, None)
    assert (view.runs[0].documents, view.state.word) == (7, "Was in step")
    assert (shown.view.all_documents, shown.view.all_failed, shown.view.monthly) == (None, None, None)
    (unknown,) = shown.view.look.unknown
    assert (unknown.what, unknown.is_forbidden) == (
        "Documents, sizes and states as they are now are not known.",
        False,
    )
    assert unknown.why
    assert xai.emulator.counts == {"list_collections": 1}


@every_fault
def test_a_collection_is_shown_as_far_as_airflow_knows_it(site: Site, past: Past, xai: Xai, fault: FaultRule) -> None:
    whales = xai.collection()
    past.synced(whales, extra_of("whales"))
    xai.emulator.set_faults(fault)
    for path in ("", "/runs", "/settings", "/ask"):
        xai.forget()
        shown = site.get(f"/c/{whales}{path}")
        assert (path, shown.status) == (path, 200)
        assert shown.view.collection.name == "whales"
        assert len(shown.view.collection.runs) == 1
        assert shown.view.look.unknown
        assert max(xai.emulator.counts.values()) == 1


@every_fault
def test_failed_documents_are_unknown_and_not_none(site: Site, past: Past, xai: Xai, fault: FaultRule) -> None:
    xai.collection()
    xai.emulator.set_faults(fault)
    shown = site.get("/failed")
    assert (shown.status, shown.view.groups, shown.view.look.failed) == (200, None, None)
    assert xai.emulator.counts == {"list_collections": 1}


@every_fault
def test_a_question_that_fails_says_why(site: Site, past: Past, xai: Xai, fault: FaultRule) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(fault)
    for path in ("/ask", f"/c/{whales}/ask"):
        xai.forget()
        shown = site.post(path, {"query": "whale"})
        assert (shown.status, shown.view.answer) == (200, None)
        assert shown.view.error or shown.view.look.unknown
        assert "There is no" not in shown.view.error, "the list of collections was not read"
        assert xai.emulator.count("search_documents") <= 1


def test_a_wrong_key_is_named_and_not_tried_twice(site: Site, past: Past, xai: Xai, connect: Connect) -> None:
    past.synced(xai.collection(), extra_of("whales"))
    xai.forget()
    connect(password="xai-token-wrong")
    shown = site.get()
    assert [view.name for view in shown.view.collections] == ["whales"]
    assert "401" in shown.view.look.unknown[0].why
    assert "xai-token-wrong" not in shown.text
    assert xai.emulator.counts == {"list_collections": 1}


@pytest.mark.parametrize("fault", [{"delay": HANGS}, {"status": 500}, {"cut": "before"}], ids=str)
def test_some_slow_collections_leave_the_others_known_and_are_not_called_empty(
    site: Site, past: Past, xai: Xai, fault: dict[str, Any]
) -> None:
    ids = {name: xai.collection(name) for name in ("quick", "slow", "empty")}
    for name in ("quick", "slow"):
        xai.attach(ids[name], xai.files(1, name))
    xai.emulator.set_faults(FaultRule(endpoint="list_documents", path=f"*/{ids['slow']}/*", **fault))
    shown = site.get()
    by_name = {view.name: view for view in shown.view.collections}
    assert by_name["slow"].states is None
    assert by_name["slow"].documents == 1
    assert by_name["quick"].states.processed == 1
    assert by_name["empty"].states.total == 0
    assert [each.what for each in shown.view.look.unknown] == [
        "The states of the documents of 1 collection are not known."
    ]
    failed = site.get("/failed")
    assert failed.view.unread == ("slow",)


def test_a_vault_that_hangs_is_not_waited_for(
    site: Site, past: Past, xai: Xai, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.synced(xai.collection(), extra_of("whales"))
    xai.forget()
    released: list[bool] = []

    def hang(*_: Any, **__: Any) -> None:
        while not released:
            time.sleep(0.05)

    monkeypatch.setattr("airflow.secrets.environment_variables.EnvironmentVariablesBackend.get_conn_value", hang)
    try:
        shown = site.get()
    finally:
        released.append(True)
    assert [view.name for view in shown.view.collections] == ["whales"]
    assert "did not answer" in shown.view.look.unknown[0].why


def test_two_parts_of_a_page_share_one_client_which_is_closed(
    site: Site, past: Past, xai: Xai, monkeypatch: pytest.MonkeyPatch
) -> None:
    whales = xai.collection()
    made: list[AsyncClient] = []

    class Client(AsyncClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr("airflow_provider_xai_collections.plugin.service.AsyncClient", Client)
    assert site.get(f"/c/{whales}").status == 200
    (client,) = made
    assert client._http.is_closed


def test_nothing_goes_on_after_a_page_that_could_not_be_shown(site: Site, past: Past, xai: Xai) -> None:
    xai.emulator.set_faults(FaultRule(endpoint="list_documents", delay=HANGS))

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    assert site.get("/c/collection_nobodys").status == 404
    assert site.runner.run(tasks()) == 1


class TestAirflow:
    """Airflow's own API, which fails or hangs."""

    @pytest.fixture
    def spoil(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
        """``spoil(part, ...)``: requests of the pages whose paths contain the part fail, or hang for so long."""
        real = httpx.AsyncClient.get

        def spoil(part: str, *, status: int = 500, hang: float = 0.0) -> None:
            async def get(client: Any, url: str, **more: Any) -> Any:
                if part in f"{url}?{more}":
                    await asyncio.sleep(hang)
                    return httpx.Response(status)
                return await real(client, url, **more)

            monkeypatch.setattr(httpx.AsyncClient, "get", get)
            monkeypatch.setattr(airflow_api, "AIRFLOW_TIMEOUT", 0.7)

        return spoil

    @pytest.mark.parametrize("hang", [0.0, HANGS])
    @pytest.mark.parametrize("part", ["taskInstances?", "assets/events", "dags/sync_docs?"])
    def test_runs_that_could_not_be_read_are_unknown(
        self, site: Site, past: Past, xai: Xai, spoil: Any, part: str, hang: float
    ) -> None:
        """Without the failed runs, the last one that succeeded would look like the last."""
        past.synced(xai.collection(), None, extra_of())
        spoil(part, hang=hang)
        shown = site.get()
        (view,) = shown.view.collections
        assert (view.name, view.runs, view.state.word) == ("whales", (), "No run known")
        assert shown.view.look.unknown[0].what == "Runs of 1 collection are not known."

    def test_what_a_hidden_dag_has_told_is_not_shown(self, site: Site, past: Past, xai: Xai, spoil: Any) -> None:
        """Before Airflow 3.3, events are shown of Dags that the user may not see."""
        past.synced(xai.collection(), extra_of(failed=3))
        spoil("taskInstances?", status=403)
        shown = site.get()
        (view,) = shown.view.collections
        assert (view.runs, view.state.word, shown.view.look.unknown) == ((), "No run known", ())

    def test_those_of_other_collections_are_shown(self, site: Site, past: Past, xai: Xai, spoil: Any) -> None:
        past.synced(xai.collection("read"), extra_of(), dag_id="read")
        past.synced(xai.collection("unread"), extra_of(), dag_id="unread")
        spoil("dags/unread")
        runs = {view.name: len(view.runs) for view in site.get().view.collections}
        assert runs == {"read": 1, "unread": 0}

    @pytest.mark.parametrize("hang", [0.0, HANGS])
    @pytest.mark.parametrize("path", ["/", "/failed", "/c/{0}"])
    def test_assets_that_are_not_read_leave_xais_side(
        self, site: Site, past: Past, xai: Xai, spoil: Any, path: str, hang: float
    ) -> None:
        whales = xai.collection()
        past.synced(whales, extra_of())
        spoil("assets", hang=hang)
        shown = site.get(path.format(whales))
        assert shown.status == 200
        assert [each.what for each in shown.view.look.unknown] == ["Runs, sources and growth are not known."]

    def test_that_a_connection_is_not_found_gives_nobody_more_than_a_list_of_them_would(
        self, site: Site, past: Past, xai: Xai, spoil: Any
    ) -> None:
        """An address that leads elsewhere is a 404 as well, before anybody has asked for a permission."""
        xai.collection()
        xai.forget()
        spoil("connections/", status=404)
        assert site.get(user="viewer").status == 200
        assert xai.emulator.requests == []
        assert site.get(user="op").view.total == 1, "such a one may be in the environment"

    @pytest.mark.parametrize("hang", [0.0, HANGS])
    def test_without_word_on_the_connection_it_is_not_used(
        self, site: Site, past: Past, xai: Xai, spoil: Any, hang: float
    ) -> None:
        xai.collection()
        xai.forget()
        spoil("connections", hang=hang)
        shown = site.get()
        assert shown.status == 200
        assert shown.view.look.unknown
        assert xai.emulator.requests == []
