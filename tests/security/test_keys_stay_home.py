"""A key goes to the host that the connection names for it, whatever answers, ids and addresses say."""

from __future__ import annotations

import asyncio
import io
import json
import re
import string
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.protocol import Endpoint, Request, Upload, call
from airflow_provider_xai_collections.client.exchange import HttpClient, sending
from airflow_provider_xai_collections.client.settings import LOOPBACK_NAMES, ClientSettings, Service
from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAIStatusError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import settings_from
from tests.conftest import Connect, RecordingEmulator
from tests.operators.stage import Xai

from .conftest import Elsewhere
from .hostile import UPLOAD, request_about

SETTINGS = ClientSettings(Service("https://management.example", "m"), Service("https://api.example", "a"))
READ = endpoints.LIST_COLLECTIONS.request()
WRITE = endpoints.CREATE_COLLECTION.request(collection_name="whales")
SEND = endpoints.UPLOAD_FILE.request(upload=UPLOAD)

HOSTILE_IDS = [
    *("../../evil", "//evil.example/x", "@evil.example", "a?team_id=x", "a#b", "%2e%2e%2f", "..;/", "a\\..\\b"),
    *("a\r\nHost: evil.example", "a\nauthorization: x", "\x00", " ", "\t", "ü/ö", "\u2028", "\ud800", "{x}"),
    ":batchGet",
]


def by_worker(hook: XAICollectionsHook, request: Request[Any]) -> Any:
    return hook.run(call(request))


def by_triggerer(hook: XAICollectionsHook, request: Request[Any]) -> Any:
    async def on_the_loop() -> Any:
        try:
            return await hook.arun(call(request))
        finally:
            await hook.aclose()

    return asyncio.run(on_the_loop())


@pytest.mark.parametrize("run", [by_worker, by_triggerer])
@pytest.mark.parametrize("request_", [READ, WRITE, SEND], ids=str)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_leads_nowhere(
    connection: str,
    emulator: RecordingEmulator,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    request_: Request[Any],
    run: Callable[[XAICollectionsHook, Request[Any]], Any],
) -> None:
    asked: list[HttpRequest] = []

    def redirect(request: HttpRequest) -> HttpReply:
        asked.append(request)
        away = {"location": f"{elsewhere.url}{request.path}", "refresh": f"0; url={elsewhere.url}"}
        return HttpReply(status, {**away, "link": f"<{elsewhere.url}>; rel=next", "alt-svc": 'h2="evil:443"'})

    monkeypatch.setattr(emulator, "handle", redirect)
    with XAICollectionsHook(connection) as hook, pytest.raises(XAIStatusError) as caught:
        run(hook, request_)
    assert caught.value.status == status
    assert len(asked) == 1
    assert elsewhere.reached == []


@pytest.mark.parametrize("ending", ["/v1/x", "?x=", "#", "@", "/../..", "\r\nHost: evil", "&limit=1&limit=2", " ", "ü"])
def test_a_token_for_the_next_page_is_a_value_and_no_address(
    xai: Xai, emulator: RecordingEmulator, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    token = f"{elsewhere.url}{ending}"
    asked: list[HttpRequest] = []

    def page(request: HttpRequest) -> HttpReply:
        asked.append(request)
        collections = [{"collection_id": f"c{len(asked)}", "collection_name": "whales"}]
        more = {"pagination_token": token} if len(asked) == 1 else {}
        return HttpReply(200, {}, json.dumps({"collections": collections, **more}).encode())

    monkeypatch.setattr(emulator, "handle", page)
    assert [each.collection_id for each in xai.hook.list_collections(limit=1)] == ["c1", "c2"]
    assert {request.path for request in asked} == {"/v1/collections"}
    assert dict(asked[-1].query) == {"limit": "1", "pagination_token": token}
    assert {request.headers["host"] for request in asked} == {asked[0].headers["host"]}
    assert elsewhere.reached == []


def build(endpoint: Endpoint[Any], subject: str) -> httpx.Request:
    """Return what would go over the wire."""
    with HttpClient(SETTINGS) as http, sending(SETTINGS, http, request_about(endpoint, subject)) as built:
        return built


def built_or_refused(build: Callable[[], httpx.Request]) -> httpx.Request | None:
    """The request; ``None`` if it is refused in one short line."""
    try:
        return build()
    except XAIArgumentError as error:
        said = str(error)
    assert said.isprintable()
    assert len(said) < 1000
    return None


with_ids = pytest.mark.parametrize(
    "endpoint", [endpoint for endpoint in ENDPOINTS if endpoint.path_params], ids=lambda endpoint: endpoint.name
)


@with_ids
def test_an_id_stays_one_piece_of_the_path(endpoint: Endpoint[Any]) -> None:
    for hostile in HOSTILE_IDS:
        stays_one_piece(endpoint, hostile)


@given(st.text(st.characters(), min_size=1))
@example("..")
@example(".")
@example("x" * 100_000)
def test_any_id_does(hostile: str) -> None:
    stays_one_piece(endpoints.GET_DOCUMENT, hostile)


def stays_one_piece(endpoint: Endpoint[Any], hostile: str) -> None:
    built = built_or_refused(partial(build, endpoint, hostile))
    if built is None:
        return
    home = urlsplit(SETTINGS.service(endpoint.host).url).netloc
    assert (built.url.scheme, built.url.netloc.decode(), built.headers["host"]) == ("https", home, home)
    path, _, query = built.url.raw_path.decode("ascii").partition("?")
    assert query.encode() == build(endpoint, "harmless").url.query
    pieces, plain = path.split("/"), endpoint.path.split("/")
    assert len(pieces) == len(plain)
    for piece, said in zip(pieces, plain, strict=True):
        assert unquote(piece) == re.sub(r"\{.*?\}", lambda _: hostile, said)
    assert set(path) <= set(string.ascii_letters + string.digits + "/%-._~:")


#: Of other hosts that look like xAI's, or like this machine; then of none.
ADDRESSES = [
    *("https://evil.example@api.x.ai", "https://api.x.ai@evil.example", "https://api.x.ai:x@evil.example"),
    *("https://api.x.ai\\@evil.example", "https://evil.example#api.x.ai", "https://evil.example?api.x.ai"),
    *("a@evil.example", "//evil.example", "http://api.x.ai", "http://evil.example:80/127.0.0.1"),
    *("http://127.0.0.1.evil.example", "http://127.0.0.1\\.evil.example", "http://127.0.0.1\t.evil.example"),
    *("http://localhost.evil.example", "http://2130706433", "http://0x7f.1", "http://0.0.0.0", "http://127.1"),
    *("ftp://127.0.0.1", "file:///etc/passwd", "javascript://127.0.0.1", "https://", "https://:443", "https:api.x.ai"),
    *("https://api.x.ai:99999", "https://[::1", "http://[::ffff:8.8.8.8]"),
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("field", ["host", "api_host"])
def test_an_address_that_may_mean_another_host_is_refused_before_anything_is_sent(
    connect: Connect, emulator: RecordingEmulator, field: str, address: str
) -> None:
    with XAICollectionsHook(connect(**{field: address})) as hook:
        for ask in (hook.list_collections, hook.list_files):
            with pytest.raises(XAIArgumentError) as caught:
                ask()
            assert str(caught.value).isprintable()
            assert "evil.example@" not in str(caught.value), "a name before the @ may be a password"
    assert emulator.requests == []


odd = st.text(st.sampled_from("ax.:/\\@?#[]%0127 \t\r\n\x00ü\u0131\u3002\u2044"), max_size=12)
addresses = st.one_of(
    st.builds("".join, st.tuples(st.sampled_from(("https://", "http://", "", "HTTP:\\\\", "https:")), odd)),
    st.builds("".join, st.tuples(st.just("http://"), odd, st.sampled_from(LOOPBACK_NAMES), odd)),
    st.builds("".join, st.tuples(st.just("https://api.x.ai"), odd, st.just("evil.example"), odd)),
)


@given(addresses)
@example("http://127.0.0.1\\x")
def test_httpx_calls_the_host_that_was_checked_or_none(address: str) -> None:
    """Two programs that read an address differently are how a check is walked around."""
    try:
        settings = settings_from("c", host=address, port=None, password="m", extra={"api_key": "a"}).settings
    except XAIArgumentError:
        return
    checked = urlsplit(settings.management.url)

    def build() -> httpx.Request:
        with HttpClient(settings) as http, sending(settings, http, READ) as built:
            return built

    if (built := built_or_refused(build)) is None:
        return
    url = built.url
    assert url.scheme == checked.scheme
    assert url.scheme == "https" or url.host in LOOPBACK_NAMES
    if (checked.hostname or "").isascii():  # httpx writes other names as DNS has them
        assert url.host == checked.hostname
    assert not url.userinfo


def test_a_file_name_cannot_add_a_part_or_a_header_to_a_form(xai: Xai) -> None:
    for name in ('a"; name="purpose', "a\r\n\r\nb", "a\nX-Evil: 1", "a\\", "a;b", "a\0", "\u2028"):
        with pytest.raises(XAIError, match="rename it"):
            endpoints.UPLOAD_FILE.request(upload=Upload(name, lambda: io.BytesIO(b"x"), 1))
        with pytest.raises(XAIError, match="rename it"):
            endpoints.UPLOAD_DOCUMENT.request(collection_id="c", name=name, upload=UPLOAD)
