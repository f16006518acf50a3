"""Addresses stay below our app and below Airflow, whatever they are made of."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.plugin.addresses import Addresses

OURS = Addresses("/prefix/xai-collections", "/prefix", DEFAULT_CONN_ID)
OTHER = Addresses("/xai-collections/", "", "xai eu")


def test_an_address_has_what_is_filled_in_the_query() -> None:
    assert OURS() == "/prefix/xai-collections/"
    assert OURS("c", "a/b?c", "runs", n="30", outcome="", scope=None) == "/prefix/xai-collections/c/a%2Fb%3Fc/runs?n=30"
    assert OURS("failed", c='x"&') == "/prefix/xai-collections/failed?c=x%22%26"


def test_a_connection_that_is_not_the_default_is_kept() -> None:
    assert OTHER("ask") == "/xai-collections/ask?conn=xai+eu"
    assert OTHER("", page=2) == "/xai-collections/?page=2&conn=xai+eu"
    assert OTHER.form("ask") == "/xai-collections/ask", "a form has it in a field"
    assert OTHER.static("style.css") == "/xai-collections/static/style.css"
    assert OTHER.in_airflow("/dags/x") == "/dags/x"


def test_a_path_in_one_piece_keeps_its_query() -> None:
    assert OURS.below("/failed?c=1&q=a%20b") == "/prefix/xai-collections/failed?c=1&q=a%20b"
    assert OTHER.below("failed?c=1#row") == "/xai-collections/failed?c=1&conn=xai+eu#row"
    assert OTHER.below("/failed") == "/xai-collections/failed?conn=xai+eu"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "?//evil.example",
        "#//evil.example",
        "",
    ],
)
def test_no_path_leads_to_another_host(path: str) -> None:
    for address in (
        OURS.in_airflow(path),
        OTHER.in_airflow(path),
        OURS.below(path),
        OTHER.below(path),
        OTHER(path, path),
    ):
        assert "\\" not in address
        assert "\t" not in address
        there = urlsplit(urljoin("http://airflow.example/start", address))
        assert (there.scheme, there.netloc) == ("http", "airflow.example")


def test_a_path_of_airflow_that_is_encoded_already_stays_as_it_is() -> None:
    path = "/dags/a%2Fb/runs/manual__2026-11-26T03:00:00+00:00/tasks/sync"
    assert OURS.in_airflow(path) == f"/prefix{path}"
