"""Airflow's own REST API, asked in process as the user who asks for a page: its permissions apply, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
from starlette.requests import Request

#: Seconds that all answers for a page may take together: for a full page, they are more than a hundred.
AIRFLOW_TIMEOUT = 10.0
#: Requests at once: the API server has other users.
AT_ONCE = 8
#: The largest page that Airflow gives out by default.
LARGEST_PAGE = 100
#: What says who the user is.
_IDENTITY = ("cookie", "authorization")


class AirflowAPIError(Exception):
    """Airflow has not answered as hoped.

    :param status: of its answer; 0 if there was none.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def is_forbidden(self) -> bool:
        """``True`` if the user may not see this."""
        return self.status in (401, 403)

    @property
    def is_missing(self) -> bool:
        """``True`` if Airflow has no such thing."""
        return self.status == 404


class AirflowAPI:
    """Airflow's stable REST API, as far as the user of a request may use it.

    :param request: that of the page; in its scope, ``airflow_app`` is the API server.
    """

    def __init__(self, request: Request) -> None:
        airflow = request.scope["airflow_app"]
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=airflow, raise_app_exceptions=False),
            # With the path of Airflow's base URL: a request may begin with it, so one without it could be misread.
            base_url=f"http://airflow{airflow.root_path}/api/v2/",
            headers={name: value for name, value in request.headers.items() if name in _IDENTITY},
        )
        self._room = asyncio.Semaphore(AT_ONCE)
        self._until = asyncio.get_running_loop().time() + AIRFLOW_TIMEOUT

    async def get(self, *path: str, **params: Any) -> dict[str, Any]:
        """Return the answer to a GET; nothing else is ever sent.

        :param path: its parts.
        :param params: of the query.
        :raises AirflowAPIError: the user may not see it, it does not exist, or Airflow cannot answer.
        """
        url = "/".join(quote(part, safe="~") for part in path)
        try:
            async with asyncio.timeout_at(self._until), self._room:
                response = await self._client.get(url, params=params)
        except TimeoutError:
            raise AirflowAPIError(0, f"Airflow did not answer within {AIRFLOW_TIMEOUT:.0f} s") from None
        if response.is_success:
            answer: dict[str, Any] = response.json()
            return answer
        raise AirflowAPIError(response.status_code, f"Airflow answered {response.status_code} to {url}")

    async def all_pages(self, *path: str, of: str, at_most: int, **params: Any) -> list[dict[str, Any]]:
        """Return the items of a list, page after page, but no more than ``at_most``.

        :param of: the name of the list in the answer.
        :raises AirflowAPIError: as of :meth:`get`.
        """
        items: list[dict[str, Any]] = []
        while len(items) < at_most:
            page = await self.get(*path, limit=LARGEST_PAGE, offset=len(items), **params)
            items += page[of]
            if not page[of] or len(items) >= page["total_entries"]:
                break
        return items[:at_most]

    async def close(self) -> None:
        """End it."""
        await self._client.aclose()
