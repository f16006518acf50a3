"""Pages of a list, and the opaque tokens between them."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeAlias, TypeVar

from airflow_provider_xai_collections.api.wire import Params
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.settings import PaginationEnd
from airflow_provider_xai_collections.emulator.store import Column

T = TypeVar("T")
#: The end of a page: the value by which its list is sorted, and the id.
Position: TypeAlias = tuple[str | float, str]
#: Sorting of a list: the column, and the value of a record in it.
Sort: TypeAlias = tuple[Column, Callable[[T], str | float]]


class Pager:
    """One request for a page.

    :param params: the parameters of the request.
    :param end: what stands at the end of the list.
    :param most: items on a page, whatever the limit of the request.
    """

    def __init__(self, params: Params, end: PaginationEnd, most: int) -> None:
        asked = params.model_dump(mode="json")
        self._limit: int = min(asked["limit"] or most, most)
        self._sent: str | None = asked["pagination_token"] or None
        self._end = end
        # A token belongs to its query; only the page size may change on the way.
        query = {name: value for name, value in asked.items() if name not in ("limit", "pagination_token", "team_id")}
        self._query = hashlib.sha256(f"{type(params).__name__} {json.dumps(query)}".encode()).hexdigest()[:16]
        after = self._read(self._sent) if self._sent else ()
        self.after: Position | tuple[()] = () if end == "first_page" else after

    def page(self, items: Iterable[T], position: Callable[[T], Position]) -> tuple[list[T], Json]:
        """Return the page, from the items behind ``after``, and the token that goes with it."""
        found = list(islice(items, self._limit + 1))
        page = found[: self._limit]
        if self._end == "first_page":
            return page, {"pagination_token": self._token(())}
        if len(found) > len(page):
            return page, {"pagination_token": self._token(position(page[-1]))}
        match self._end:
            case "absent":
                return page, {}
            case "empty":
                return page, {"pagination_token": ""}
            case "always":
                return page, {"pagination_token": self._token(position(page[-1]) if page else self.after)}
            case "repeat":
                return page, {"pagination_token": self._sent or self._token(())}

    def _token(self, after: Position | tuple[()]) -> str:
        # The random part keeps the tokens of the same place apart, as nothing says that they are equal.
        return base64.urlsafe_b64encode(json.dumps([self._query, after, uuid.uuid4().hex[:8]]).encode()).decode()

    def _read(self, token: str) -> Position | tuple[()]:
        try:
            query, after, _ = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError):
            raise Refused(400, "pagination_token: not a token of this service") from None
        if query != self._query:
            raise Refused(400, "pagination_token: belongs to another query; keep order, sort_by and filter")
        position: Position | tuple[()] = tuple(after)
        return position
