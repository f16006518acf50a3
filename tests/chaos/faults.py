"""The faults that every call of the client meets, and what each lets the client know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIResponseError,
    XAIServerError,
    XAIStatusError,
    XAITransportError,
    XAIUnroutableError,
)
from tests.chaos.relay import Harm

#: Seconds without a byte after which the client gives up, where that is what is tried.
IMPATIENT = 0.25


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of failure of a request.

    :param error: how a call ends that does not get past it.
    :param rule: what the emulator does: the rest of a :class:`FaultRule`.
    :param harm: what the relay does.
    :param refusing: nobody listens.
    :param works: the work is done, and the client does not hear of it.
    :param undone: the client knows that the work was not done: even a write may be repeated.
    :param final: to try again is no use.
    :param harmless: the call succeeds all the same.
    :param asks: seconds that the answer asks to wait; fewer than the client grants.
    :param by_date: it says until when, to the second, instead of how long.
    :param patience: seconds without a byte after which the client gives up.
    """

    name: str
    error: type[XAIError]
    rule: Mapping[str, Any] | None = None
    harm: Harm | None = None
    refusing: bool = False
    works: bool = False
    undone: bool = False
    final: bool = False
    harmless: bool = False
    asks: float = 0.0
    by_date: bool = False
    patience: float = 10.0

    def rule_at(self, now: float) -> dict[str, Any] | None:
        """Return the rest of the :class:`FaultRule` for a trial that begins now; ``None`` if the emulator has no part.

        :param now: in seconds since the epoch.
        """
        if self.rule is None or not self.asks:
            return None if self.rule is None else dict(self.rule)
        text = formatdate(now + self.asks, usegmt=True) if self.by_date else f"{self.asks:.0f}"
        return {**self.rule, "retry_after": text}


def _answer(name: str, error: type[XAIError], **rule: Any) -> Fault:
    """Make a fault of what the emulator does: the rest of its rule, and the parameters of the fault."""
    own = {each: rule.pop(each) for each in ("works", "undone", "asks", "by_date", "patience") if each in rule}
    after = {} if "delay" in rule else {"after": own.get("works", False)}
    return Fault(name, error, rule={**rule, **after}, **own)


def _harm(name: str, harm: Harm, error: type[XAIError] = XAITransportError, **more: Any) -> Fault:
    return Fault(name, error, harm=harm, **more)


_429: dict[str, Any] = {"error": XAIRateLimitError, "undone": True, "status": 429}
_HTML = b"<html><body>Sign in to the proxy</body></html>"

FAULTS: tuple[Fault, ...] = (
    _answer("429", **_429),
    _answer("429, Retry-After in seconds", **_429, asks=7.0),
    _answer("429, Retry-After as a date", **_429, asks=40.0, by_date=True),
    *(_answer(str(status), XAIServerError, status=status) for status in (500, 502, 503, 504, 529)),
    _answer("503 after the work", XAIServerError, status=503, works=True),
    Fault("connection refused", XAITransportError, refusing=True, undone=True),
    _harm("reset before the body", Harm.RESET_BEFORE_BODY),
    _harm("reset during the body", Harm.RESET_IN_BODY),
    _answer("hung up after the body", XAITransportError, cut="before"),
    _harm("answer lost: reset after the work", Harm.ANSWER_LOST, works=True),
    _answer("answer lost: hung up after the work", XAITransportError, works=True, cut="after"),
    _answer("answer too late", XAITransportError, delay=0.7, works=True, patience=IMPATIENT),
    _harm("reset during the answer", Harm.RESET_IN_ANSWER, works=True),
    _harm("reset after the answer", Harm.RESET_AFTER_ANSWER, harmless=True),
    _answer("half a body, then hung up", XAITransportError, works=True, cut="partial"),
    _answer("half a body, said to be whole", XAIResponseError, works=True, body=b'{"collection_id": "coll'),
    _harm("slow body", Harm.SLOW, harmless=True),
    _harm("slow body that stops", Harm.STALLS, works=True, patience=IMPATIENT),
    _harm("body that drips on", Harm.DRIPS, works=True, patience=IMPATIENT),
    _answer("HTML", XAIResponseError, body=_HTML),
    _answer("wrong JSON", XAIResponseError, works=True, body=b"[1, 2, 3]", content_type="application/json"),
    _answer("an error with status 200", XAIResponseError, body=b'{"error": "try later"}', content_type="text/json"),
    _answer("empty 200", XAIResponseError, works=True, body=b""),
    _harm("redirect to another host", Harm.REDIRECT, XAIStatusError, final=True),
)


def _gateway(name: str, error: type[XAIError], status: int, body: bytes) -> Fault:
    return replace(_answer(name, error, status=status, body=body), final=True)


#: The faults that only the upload in one call meets: the way to the service does not take it.
GATEWAY_FAULTS: tuple[Fault, ...] = (
    _gateway(
        "500 for a header of Cloudflare's",
        XAIUnroutableError,
        500,
        b'{"code":13,"message":"header key \\"cf-ipcity\\" contains value with non-printable ASCII characters",'
        b'"details":[]}',
    ),
    _gateway("404 of a gateway", XAINotFoundError, 404, b"<html><body>no such route</body></html>"),
    _gateway("405 of a gateway", XAIUnroutableError, 405, b"<html><body>method not allowed</body></html>"),
)
