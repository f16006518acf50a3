"""The application behind the pages: its routes, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from airflow_provider_xai_collections.exceptions import XAINotFoundError
from airflow_provider_xai_collections.links.pages import airflow_path
from airflow_provider_xai_collections.plugin import screens
from airflow_provider_xai_collections.plugin.looks import Looking, looking
from airflow_provider_xai_collections.plugin.rendering import render
from airflow_provider_xai_collections.plugin.views import FormValues, StartPage

Scope: TypeAlias = MutableMapping[str, Any]
Show: TypeAlias = Callable[..., Awaitable[Any]]

#: Nothing is loaded but this package's own style and script; nobody but Airflow may show a page in a frame.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
#: Sites of requests that are answered: Airflow's own, or a user who has typed the address.
_OWN_SITES = ("same-origin", "none")
#: Characters of a field of a form.
MAX_FIELD = 4_000
#: Bytes of a form.
MAX_BODY = 100_000
#: The field of a question.
QUESTION = "query"


class Guard:
    """Refuses what comes from other sites, and sends the headers that keep a browser to what is ours."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        request = Request(scope)
        refusal = _refusal(request) or _too_large(request)
        await (refusal or self._app)(scope, receive, send_guarded)


def _refusal(request: Request) -> Response | None:
    site = request.headers.get("sec-fetch-site")
    if site in _OWN_SITES or (site is None and _is_own(request)):
        return None
    return PlainTextResponse("Requests from other sites are refused: open the page in Airflow.", 403)


def _too_large(request: Request) -> Response | None:
    """Refuse a form that nobody has typed, before it is read: until then, nobody has asked who sends it."""
    if request.method in ("GET", "HEAD"):
        return None
    length = request.headers.get("content-length", "")
    if length.isdecimal() and len(length) <= len(str(MAX_BODY)) and int(length) <= MAX_BODY:
        return None
    return PlainTextResponse(f"A form may have {MAX_BODY:,} bytes, and has to say how many it has.", 413)


def _is_own(request: Request) -> bool:
    """``True`` for a request of ours from a browser that does not say where from, as on plain HTTP."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.method in ("GET", "HEAD")
    return urlsplit(origin).netloc == request.headers.get("host")


def _page(show: Show) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a function that reads a page."""

    async def answer(request: Request) -> Response:
        choice = await _choice(request)
        base = request.scope["root_path"]
        async with looking(request, choice.get("conn")) as look:
            page, status = await _read(show, look, choice, request.path_params)
        # In a thread: hundreds of rows take a while, and the API server has other users.
        html = await asyncio.to_thread(render, page, base, airflow_path())
        return HTMLResponse(html, status, {"cache-control": "no-store"})

    return answer


async def _read(show: Show, look: Looking, choice: FormValues, path: Mapping[str, str]) -> tuple[Any, int]:
    """Return a page and the status of the answer."""
    if look.sees_nothing:
        return screens.forbidden(look), 403
    try:
        return await show(look, choice, **path), 200
    except XAINotFoundError:
        return _not_found(look), 404


async def _choice(request: Request) -> FormValues:
    """Return what was chosen. A question comes by a form alone: addresses are kept in logs and histories."""
    given = {name: value for name, value in request.query_params.items() if name != QUESTION}
    if request.method == "POST":
        given |= {name: str(value) for name, value in (await request.form()).items()}
    return FormValues({name: value.replace("\0", "")[:MAX_FIELD] for name, value in given.items()})


def _not_found(look: Looking) -> StartPage:
    text = "It was deleted, or the connection is one of another team. Its runs are still in Airflow."
    return StartPage(look.look(), "There is no such collection", text)


def make_app() -> Guard:
    """Return the application; the guard is outside of all, so that it sees the answers to errors as well."""
    one = "/c/{collection_id}"
    pages = Starlette(
        routes=[
            Route("/", _page(screens.show_collections)),
            Route("/failed", _page(screens.show_failed)),
            Route("/ask", _page(screens.show_ask), methods=["GET", "POST"]),
            Route("/named/{name:path}", _page(screens.show_named)),
            Route(one, _page(screens.show_documents)),
            Route(f"{one}/runs", _page(screens.show_runs)),
            Route(f"{one}/settings", _page(screens.show_settings)),
            Route(f"{one}/ask", _page(screens.show_ask), methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=str(files(__package__) / "static"))),
        ]
    )
    return Guard(pages)
