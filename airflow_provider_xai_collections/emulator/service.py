"""The emulator as a function from request to answer. It opens no socket and never sleeps."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.wire import Params
from airflow_provider_xai_collections.emulator.access import Gate
from airflow_provider_xai_collections.emulator.collections import CollectionRules
from airflow_provider_xai_collections.emulator.control import PREFIX, answer_control
from airflow_provider_xai_collections.emulator.documents import DocumentRules
from airflow_provider_xai_collections.emulator.faults import FaultRule, Faults
from airflow_provider_xai_collections.emulator.files import FileRules
from airflow_provider_xai_collections.emulator.messages import HttpReply, HttpRequest, Json, json_reply
from airflow_provider_xai_collections.emulator.parameters import read_params
from airflow_provider_xai_collections.emulator.refusals import Refused, error_reply
from airflow_provider_xai_collections.emulator.requestlog import LogEntry, RequestLog
from airflow_provider_xai_collections.emulator.routes import Route, find_route
from airflow_provider_xai_collections.emulator.search import SearchRules
from airflow_provider_xai_collections.emulator.settings import Settings
from airflow_provider_xai_collections.emulator.store import Store
from airflow_provider_xai_collections.emulator.world import World

Handler: TypeAlias = Callable[[Any], Json]


def find_handlers(*rooms: object) -> dict[str, Handler]:
    """The method for each endpoint, found by the endpoint's name.

    :raises LookupError: naming the endpoints nobody handles.
    """
    handlers = {
        endpoint.name: getattr(room, endpoint.name)
        for endpoint in ENDPOINTS
        for room in rooms
        if hasattr(room, endpoint.name)
    }
    if missing := [endpoint.name for endpoint in ENDPOINTS if endpoint.name not in handlers]:
        raise LookupError(f"no handler for {', '.join(missing)}")
    return handlers


class Emulator:
    """xAI's Collections API, played: ``Emulator().handle(request)``.

    :param settings: keys and switches.
    :param store: where it remembers; in memory if not given.
    :param faults: what goes wrong.
    :param seed: of the die that faults with a probability roll.
    :param clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        store: Store | None = None,
        faults: Iterable[FaultRule] = (),
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or Settings()
        self._store = store or Store()
        self._faults = Faults(faults, seed=seed)
        self._clock = clock
        self._gate = Gate(self.settings, clock)
        self._log = RequestLog()
        world = World(self.settings, self._store, clock)
        files = FileRules(world)
        self._handlers = find_handlers(CollectionRules(world), DocumentRules(world, files), files, SearchRules(world))

    def handle(self, request: HttpRequest) -> HttpReply:
        """Answer a request. What cannot be done as a value, the reply asks of its carrier: ``delay`` and ``cut``."""
        if request.path.startswith(PREFIX):
            return answer_control(self, request)
        route: Route | None = None
        fault: FaultRule | None = None
        done = False

        def work() -> HttpReply:
            nonlocal done
            real = self._work(found, request)
            done = real.status < 400
            return real

        try:
            found = route = find_route(request)
            fault = self._faults.pick(route.endpoint.name, request.path)
            reply = fault.play(work, self.settings.error_shape) if fault else work()
        except Refused as refused:
            reply = error_reply(refused.status, refused.message, self.settings.error_shape)
        self._log.add(request, route, reply.status, fault, done=done)
        return self._with_headers(reply)

    @property
    def log(self) -> tuple[LogEntry, ...]:
        """The last requests, oldest first."""
        return self._log.entries

    @property
    def counts(self) -> dict[str, int]:
        """How often each endpoint was called."""
        return self._log.counts

    def count(self, endpoint: str) -> int:
        """How often this endpoint was called."""
        return self._log.counts.get(endpoint, 0)

    def reset_log(self) -> None:
        """Forget the requests so far."""
        self._log.reset()

    def set_faults(self, *rules: FaultRule) -> None:
        """Put these rules in the place of the old ones; none at all makes it well again."""
        self._faults.replace(rules)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _work(self, route: Route, request: HttpRequest) -> HttpReply:
        """Do what is asked, or say why not."""
        try:
            self._gate.check(request, route.endpoint.host)
            return json_reply(self._transact(route, read_params(route, request)))
        except Refused as refused:
            return error_reply(refused.status, refused.message, self.settings.error_shape)

    def _transact(self, route: Route, params: Params) -> Json:
        """In one transaction: of a refused write nothing stays, but a refused read has been a read."""
        with self._store.transaction():
            self._store.delete_expired_files(self._clock())
            try:
                return self._handlers[route.endpoint.name](params)
            except Refused as error:
                if route.endpoint.method != "GET":
                    raise
                refused = error
        raise refused

    def _with_headers(self, reply: HttpReply) -> HttpReply:
        headers = {"x-request-id": str(uuid.uuid4()), **reply.headers}
        if reply.status == 429 and self.settings.retry_after_on_429:
            headers.setdefault("retry-after", "1")
        return replace(reply, headers=headers)
