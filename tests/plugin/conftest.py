"""Airflow's API server with the pages, once for all tests; users of its roles; an Airflow in which nothing has run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.operators.stage import xai

if TYPE_CHECKING:
    from tests.plugin.site import Past, Site

__all__ = ["xai"]


def _has_room_for_pages() -> bool:
    if find_spec("airflow.sdk") is None:
        return False
    from airflow import __version__

    return tuple(map(int, __version__.split(".")[:2])) >= (3, 1)


#: Before Airflow 3.1, there is no place for pages: nothing loads them, and nothing here could.
collect_ignore_glob = [] if _has_room_for_pages() else ["test_*.py"]

ROLES = ("viewer", "user", "op", "admin")


@pytest.fixture(scope="session")
def api_server() -> Iterator[Site]:
    """Airflow's own application, with the plugin that its entry point names, on a database of its own."""
    with pytest.MonkeyPatch.context() as patch:
        # As Airflow's own command does: connections in the database are for servers alone.
        patch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
        from airflow.api_fastapi.app import create_app, get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
        from airflow.utils.db import initdb

        from tests.plugin.site import Site

        initdb()
        app = create_app(apps="core")
        sign = get_auth_manager().generate_jwt
        tokens = {role: sign(SimpleAuthManagerUser(username=role, role=role)) for role in ROLES}
        # Nobody has given this one a role that the auth manager knows.
        tokens["outsider"] = sign(SimpleAuthManagerUser(username="outsider", role=None))
        with asyncio.Runner() as runner:
            yield Site(app, tokens, runner)


@pytest.fixture
def site(api_server: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The API server; each answer tells what the page was made of."""
    from airflow_provider_xai_collections.plugin import app, rendering

    def render(view: Any, *paths: str) -> str:
        api_server.views.append(view)
        return rendering.render(view, *paths)

    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setattr(app, "render", render)
    return api_server


@pytest.fixture
def past(api_server: Site) -> Iterator[Past]:
    """Airflow's database, in which nothing has run yet."""
    from tests.plugin.site import Past

    past = Past()
    yield past
    past.forget()
