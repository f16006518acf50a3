"""The emulator as a function from request to answer. It opens no socket and never sleeps."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.api.wire import Params
from airflow_provider_xai_collections.emulator.access import Gate
from airflow_provider_xai_collections.emulator.collections import CollectionRules
from airflow_provider_xai_collections.emulator.context import Context
from airflow_provider_xai_collections.emulator.control import PREFIX, answer_control
from airflow_provider_xai_collections.emulator.credits import check_credits
from airflow_provider_xai_collections.emulator.documents import DocumentRules
from airflow_provider_xai_collections.emulator.faults import FaultRule, Faults
from airflow_provider_xai_collections.emulator.files import FileRules
from airflow_provider_xai_collections.emulator.messages import HttpReply, HttpRequest, Json, json_reply
from airflow_provider_xai_collections.emulator.parameters import read_params
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.requestlog import LogEntry, RequestLog
from airflow_provider_xai_collections.emulator.routes import PLAYED, Route, find_route
from airflow_provider_xai_collections.emulator.search import SearchRules
from airflow_provider_xai_collections.emulator.settings import Settings
from airflow_provider_xai_collections.emulator.store import Store

#: Answers with JSON, or with bytes as they are.
Handler: TypeAlias = Callable[[Any], Json | bytes]


def find_handlers(*rooms: object) -> dict[str, Handler]:
    """Return the method for each endpoint, found by the endpoint's name.

    :raises LookupError: naming the endpoints without one.
    """
    handlers = {
        endpoint.name: getattr(room, endpoint.name)
        for endpoint in PLAYED
        for room in rooms
        if hasattr(room, endpoint.name)
    }
    if missing := [endpoint.name for endpoint in PLAYED if endpoint.name not in handlers]:
        raise LookupError(f"no handler for {', '.join(missing)}")
    return handlers


class Emulator:
    """xAI's Collections API, played: ``Emulator().handle(request)``.

    :param settings: keys and switches.
    :param store: in memory by default.
    :param faults: calls that fail.
    :param seed: of faults with a probability.
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
        context = Context(self.settings, self._store, clock)
        files = FileRules(context)
        self._handlers = find_handlers(
            CollectionRules(context), DocumentRules(context, files), files, SearchRules(context)
        )

    def handle(self, request: HttpRequest) -> HttpReply:
        """Answer a request; ``delay`` and ``cut`` of the reply are left to its carrier."""
        if request.path.startswith(PREFIX):
            return answer_control(self._log, self._faults, request)
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
            reply = fault.play(work, self.settings.error_shape, route.endpoint.host) if fault else work()
            if fault and fault.status == 429:
                reply = self._try_later(reply)
        except Refused as refused:
            reply = self._refuse(refused, request.host or Host.MANAGEMENT)
        self._log.add(request, route, reply.status, fault, done=done)
        return _with_headers(reply, request.path)

    @property
    def log(self) -> tuple[LogEntry, ...]:
        """The last requests, oldest first."""
        return self._log.entries

    @property
    def counts(self) -> dict[str, int]:
        """The number of calls by endpoint."""
        return self._log.counts

    def count(self, endpoint: str) -> int:
        """Return the number of calls of this endpoint."""
        return self._log.counts.get(endpoint, 0)

    def reset_log(self) -> None:
        """Forget the requests so far."""
        self._log.reset()

    def set_faults(self, *rules: FaultRule) -> None:
        """Replace the rules; none at all ends all faults."""
        self._faults.replace(rules)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _work(self, route: Route, request: HttpRequest) -> HttpReply:
        """Do what is asked, or say why not."""
        try:
            self._gate.check(request, route.endpoint.host)
            check_credits(self.settings, route.endpoint.name)
            answer = self._transact(route, read_params(route, request))
        except Refused as refused:
            return self._refuse(refused, route.endpoint.host)
        if isinstance(answer, bytes):
            return HttpReply(200, {"content-type": "application/octet-stream"}, answer)
        return json_reply(answer)

    def _refuse(self, refused: Refused, host: Host) -> HttpReply:
        reply = refused.reply(self.settings.error_shape, host)
        return self._try_later(reply) if refused.status == 429 and not refused.is_final else reply

    def _try_later(self, reply: HttpReply) -> HttpReply:
        if not self.settings.retry_after_on_429:
            return reply
        return replace(reply, headers={"retry-after": "1", **reply.headers})

    def _transact(self, route: Route, params: Params) -> Json | bytes:
        """Answer in one transaction: of a refused write nothing stays, but a refused read has been a read."""
        with self._store.transaction():
            self._store.delete_expired_files(self._clock())
            try:
                return self._handlers[route.endpoint.name](params)
            except Refused as error:
                if route.endpoint.method != "GET":
                    raise
                refused = error
        raise refused


def _with_headers(reply: HttpReply, path: str) -> HttpReply:
    """Add the ids of answers: ``cf-ray`` to all, ``traceparent`` to those about files. [rec]"""
    headers = {**reply.headers, "cf-ray": f"{uuid.uuid4().hex[:16]}-EMU"}
    if path.startswith("/v1/files") and not path.endswith("/content"):
        headers["traceparent"] = f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"
    return replace(reply, headers=headers)
