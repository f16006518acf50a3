"""The plugin that Airflow loads in all of its processes: it imports next to nothing until somebody opens a page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_xai_collections.links.pages import PAGES_PATH, URL_ROUTE, airflow_path

_NAME = "xAI Collections"

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class LazyApp:
    """The application behind the pages, which is imported at the first request, in a thread of its own."""

    def __init__(self) -> None:
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if self._app is None:
            module = await asyncio.to_thread(import_module, f"{__package__}.app")
            self._app = module.make_app()
        scope["airflow_app"] = scope.get("app")  # before ours takes its place
        await self._app(scope, receive, send)


_base = f"{airflow_path()}{PAGES_PATH}"


class XAICollectionsPlugin(AirflowPlugin):
    """Pages about collections in Airflow's menu, from Airflow 3.1 on. Airflow 2 has no place for them."""

    name = "xai_collections"
    fastapi_apps = [{"name": _NAME, "app": LazyApp(), "url_prefix": PAGES_PATH}]  # noqa: RUF012  # as Airflow declares it
    external_views = [  # noqa: RUF012  # likewise
        {
            "name": _NAME,
            "href": f"{_base}/",
            "destination": "nav",
            "category": "browse",
            "url_route": URL_ROUTE,
            "icon": f"{_base}/static/icon.svg",
            "icon_dark_mode": f"{_base}/static/icon-dark.svg",
        }
    ]
