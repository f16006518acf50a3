"""Refusals, and what comes with each answer, whatever is asked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_xai_collections.plugin.app import MAX_BODY, POLICY
from tests.operators.stage import Xai
from tests.plugin.site import ORIGIN, Past, Site, extra_of

SITES = ("cross-site", "same-site", "nonsense")
HOST = ORIGIN.removeprefix("http://")


@pytest.mark.parametrize("headers", [{"sec-fetch-site": site} for site in SITES] + [{"origin": "http://evil.example"}])
def test_requests_from_other_sites_are_refused(site: Site, past: Past, xai: Xai, headers: dict[str, str]) -> None:
    for shown in (site.get(headers=headers), site.post("/ask", {"query": "whale"}, headers=headers)):
        assert (shown.status, shown.view) == (403, None)
        assert "other sites" in shown.text
    assert xai.emulator.requests == []


@pytest.mark.parametrize("origin", ["http://evil.example", f"http://{HOST}.evil.example", "null", "", None])
def test_a_browser_that_does_not_say_where_a_form_is_from_must_name_our_origin(
    site: Site, past: Past, xai: Xai, origin: str | None
) -> None:
    xai.collection()
    headers = {} if origin is None else {"origin": origin}
    assert site.post("/ask", {"query": "whale"}, headers=headers).status == 403
    assert site.post("/ask", {"query": "whale"}, headers={"origin": ORIGIN}).view.answer is not None


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}])
def test_our_own_pages_and_addresses_that_are_typed_are_answered(
    site: Site, past: Past, xai: Xai, headers: dict[str, str]
) -> None:
    assert site.get(headers=headers).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(site: Site, past: Past, xai: Xai, method: str) -> None:
    headers = {"sec-fetch-site": "same-origin"}
    for path in ("/", "/failed", "/c/collection_1", "/c/collection_1/runs", "/c/collection_1/settings"):
        shown = site.send(method, f"/xai-collections{path}", headers=headers, data={})
        assert (shown.status, shown.view) == (405 if method == "POST" else shown.status, None)
        assert shown.status >= 400
    assert xai.emulator.requests == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/c/collection_nobodys", 404),
        ("/c/a%2Fb", 404),
        ("/c/", 404),
        ("/nothing", 404),
        ("/c/collection_1/nothing", 404),
        ("/static/icon.svg", 200),
        ("/static/nothing", 404),
        ("/static/..%2fapp.py", 404),
    ],
)
def test_each_answer_tells_browsers_to_keep_to_what_is_ours(
    site: Site, past: Past, xai: Xai, path: str, status: int
) -> None:
    shown = site.get(path)
    assert shown.status == status
    assert shown.headers.get_list("content-security-policy") == [POLICY]
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["referrer-policy"] == "same-origin"
    if shown.view is not None:
        assert shown.headers["cache-control"] == "no-store"


def test_also_the_answer_to_a_fault_of_our_own(site: Site, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("a fault")

    monkeypatch.setattr("airflow_provider_xai_collections.plugin.app.render", broken)
    shown = site.get()
    assert shown.status == 500
    assert shown.headers["content-security-policy"] == POLICY
    assert "a fault" not in shown.text


NUMBERS = ("-1", "0", "9999999999", "9" * 5_000, "abc", "1.5", "²", "٣", " 1")
ABSURD: list[dict[str, Any]] = [dict.fromkeys(("page", "n", "since", "before", "limit"), each) for each in NUMBERS] + [
    {"token": "junk"},
    {"state": "nonsense", "sort": "nonsense", "outcome": "nonsense", "c": "nonsense", "mode": "nonsense"},
    {"q": "x" * 60_000, "conn": "x" * 3_000},
    {"q": "\0\r\n\"'\\) OR (name:*", "scope": "\"' OR \\", "token": "'; --"},
    {"q": b"\xed\xa0\x80", "conn": b"\xed\xa0\x80"},
]
PAGES = ("", "failed", "ask", "c/{0}", "c/{0}/runs", "c/{0}/settings", "c/{0}/ask")


@pytest.mark.parametrize("choice", ABSURD, ids=lambda choice: str(choice)[:40])
def test_absurd_choices_are_answered_with_a_page(site: Site, past: Past, xai: Xai, choice: dict[str, Any]) -> None:
    """The megabyte of a form is refused, and that of an address by the server."""
    whales = xai.collection()
    past.synced(whales, extra_of())
    for page in PAGES:
        shown = site.get(f"/{page.format(whales)}", **choice)
        assert (page, shown.status) == (page, 200)


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "", "-1", "9" * 5_000, "1e3"])
def test_a_form_that_nobody_has_typed_is_not_read(site: Site, past: Past, xai: Xai, length: str) -> None:
    headers = {"sec-fetch-site": "same-origin", "content-length": length}
    assert site.post("/ask", {"query": "whale"}, headers=headers).status == 413
    assert xai.emulator.requests == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x", "text/plain"])
def test_a_form_that_is_none_is_no_fault(site: Site, past: Past, xai: Xai, content_type: str) -> None:
    headers = {"sec-fetch-site": "same-origin", "content-type": content_type}
    shown = site.send("POST", "/xai-collections/ask", headers=headers, content=b"\xff\0 nonsense")
    assert shown.status in (200, 400)


def test_below_a_path_of_the_base_url_airflow_is_asked_where_it_is(
    site: Site, past: Past, xai: Xai, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``/api`` is the path that could be taken for the beginning of Airflow's own."""
    past.synced(xai.collection(), extra_of())
    monkeypatch.setattr(site.app, "root_path", "/api")
    shown = site.send("GET", "/api/xai-collections/", headers={})
    assert len(shown.view.collections[0].runs) == 1
    assert site.send("GET", "/api/xai-collections/", user=None, headers={}).status == 403


def test_airflow_loads_the_plugin_without_what_the_pages_need() -> None:
    """All of Airflow's processes load plugins, workers and the Dag processor too."""
    program = """
import sys
import airflow.plugins_manager
before = set(sys.modules)
from importlib.metadata import entry_points
(found,) = [each for each in entry_points(group="airflow.plugins") if each.name == "xai_collections"]
found.load()
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    ours = {name for name in loaded if name.startswith("airflow_provider_xai_collections.")}
    assert ours == {
        f"airflow_provider_xai_collections.{name}" for name in ("links", "links.pages", "plugin", "plugin.pages")
    }
    assert loaded.isdisjoint({"httpx", "starlette", "fastapi", "pydantic"})
