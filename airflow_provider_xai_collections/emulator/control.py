"""The emulator's own endpoints, under ``/_emulator``: for tests in another process. They need no key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from airflow_provider_xai_collections.emulator.faults import Faults, parse_faults
from airflow_provider_xai_collections.emulator.messages import HttpReply, HttpRequest, json_reply
from airflow_provider_xai_collections.emulator.requestlog import RequestLog

PREFIX = "/_emulator/"


def answer_control(log: RequestLog, faults: Faults, request: HttpRequest) -> HttpReply:
    """Answer a control request; it is neither logged nor spoilt by faults."""
    action = ACTIONS.get((request.method, request.path.removeprefix(PREFIX)))
    if action is None:
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in ACTIONS)
        return json_reply({"error": f"not a control endpoint; known are {known}"}, 404)
    try:
        return json_reply(action(log, faults, request.body))
    except ValueError as error:
        return json_reply({"error": str(error)}, 400)


def _health(log: RequestLog, faults: Faults, body: bytes) -> Any:
    """Tell that it is there."""
    return {"status": "ok", "service": "emulator of the xAI Collections API, not xAI"}


def _requests(log: RequestLog, faults: Faults, body: bytes) -> Any:
    """List the requests, oldest first, with the fault that each met."""
    return {"requests": [asdict(entry) for entry in log.entries]}


def _counts(log: RequestLog, faults: Faults, body: bytes) -> Any:
    """Count the requests by endpoint."""
    return log.counts


def _reset_log(log: RequestLog, faults: Faults, body: bytes) -> Any:
    """Forget the requests."""
    log.reset()
    return {}


def _set_faults(log: RequestLog, faults: Faults, body: bytes) -> Any:
    """Take the JSON list of rules in the body, instead of those before; [] ends all faults."""
    rules = parse_faults(body)
    faults.replace(rules)
    return {"rules": len(rules)}


ACTIONS: dict[tuple[str, str], Callable[[RequestLog, Faults, bytes], Any]] = {
    ("GET", "health"): _health,
    ("GET", "requests"): _requests,
    ("GET", "counts"): _counts,
    ("POST", "reset-log"): _reset_log,
    ("POST", "faults"): _set_faults,
}
