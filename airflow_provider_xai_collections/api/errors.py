"""Translation of error answers into errors a reader can act on. Source: REST reference and answers seen."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api.protocol import Host, Request, Response
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
    XAICreditsError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIServerError,
    XAIStatusError,
    XAITooLargeError,
    XAIUnroutableError,
)
from airflow_provider_xai_collections.text import printable

_WRONG_KEY = re.compile(r"incorrect api key|invalid api key|invalid (management|bearer)", re.IGNORECASE)
#: Careful words: an answer to too many requests may advise to buy more credits as well.
_NO_CREDITS = re.compile(
    r"used (up )?all (of )?(its |your |the )?(available )?credits|reached (its|your|the) (monthly )?spending limit",
    re.IGNORECASE,
)
#: Cloudflare's headers say where a call comes from, and a city whose name is not ASCII is more than the service takes.
_CLOUDFLARE_HEADER = re.compile(r"\bheader\b.{0,20}\bcf-\w", re.IGNORECASE)
_REASON_MARK = "[WKE="


def error_from(request: Request[Any], response: Response) -> XAIStatusError | None:
    """Return the error an answer stands for, or ``None``. A redirect is an error: a key is never sent onward."""
    status = response.status
    if 200 <= status < 300:
        return None
    body = _read_body(response)
    kind = _kind(status, body)
    facts = [f"{status} {body.code}" if body.code else f"{status}", body.reason, response.request_id_text]
    parts = [f"{request}: {_SUMMARIES[kind]} ({', '.join(fact for fact in facts if fact)})"]
    if body.text:
        parts.append(f'the service says: "{body.text}"')
    parts.append(_next_step(kind, status, body, request))
    return kind(
        ". ".join(parts),
        status=status,
        code=body.code,
        reason=body.reason,
        request_id=response.request_id,
        retry_after=response.headers.get("retry-after"),
    )


def is_rate_limit(response: Response) -> bool:
    """Tell a 429 that slower requests can avoid from one that no pace helps with: out of credits, storage full."""
    return response.status == 429 and _kind(429, _read_body(response)) is XAIRateLimitError


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    """The content of an error's body; ``reason`` is the machine-readable end of the text, cut from ``text``."""

    text: str
    code: str | None = None
    reason: str | None = None

    def has_reason(self, reason: str) -> bool:
        """Compare with a group and a reason; the field that may follow them does not count."""
        return self.reason is not None and f"{self.reason}:".startswith(f"{reason}:")


def _kind(status: int, body: _ErrorBody) -> type[XAIStatusError]:
    for reason, kind in _BY_REASON.items():
        if body.has_reason(reason):
            return kind
    if status == 402 or (400 <= status < 500 and _NO_CREDITS.search(body.text)):
        return XAICreditsError
    if status in (401, 403) or (status == 400 and _WRONG_KEY.search(body.text)):
        return XAIAuthError
    if status == 405 or (status == 500 and _CLOUDFLARE_HEADER.search(body.text)):
        return XAIUnroutableError
    if status == 408 or status >= 500:
        return XAIServerError
    if 300 <= status < 400:
        return XAIStatusError
    return _BY_STATUS.get(status, XAIInvalidRequestError)


_WRONG_KEY_REASON = "unauthenticated:bad-credentials"
_STORAGE_FULL_REASON = "file:storage-exhausted"
#: Reasons that say more than the status they come with.
_BY_REASON: dict[str, type[XAIStatusError]] = {
    _WRONG_KEY_REASON: XAIAuthError,
    _STORAGE_FULL_REASON: XAIInvalidRequestError,
    "file:too-large": XAITooLargeError,
}
_BY_STATUS: dict[int, type[XAIStatusError]] = {
    404: XAINotFoundError,
    409: XAIConflictError,
    413: XAITooLargeError,
    414: XAITooLargeError,
    429: XAIRateLimitError,
}
#: Calls for which a management key needs a permission of its own.
_ATTACHING = ("add_document", "upload_document")
_SUMMARIES: dict[type[XAIStatusError], str] = {
    XAIAuthError: "the key was refused",
    XAICreditsError: "the team has no credits left, or reached its spending limit",
    XAINotFoundError: "does not exist",
    XAIConflictError: "clashes with what exists",
    XAITooLargeError: "too large for the service",
    XAIRateLimitError: "too many requests",
    XAIUnroutableError: "a gateway, or xAI's edge, does not accept this call",
    XAIServerError: "the service failed",
    XAIInvalidRequestError: "the service refused the request",
    XAIStatusError: "redirected, which is refused because a key must not leave its host",
}


_AGAIN = "then run it again (in Airflow: clear the task)"


def _next_step(kind: type[XAIStatusError], status: int, body: _ErrorBody, request: Request[Any]) -> str:
    host = request.endpoint.host
    if body.has_reason(_STORAGE_FULL_REASON):
        return f"The team's storage is full: delete files that nobody needs, or ask xAI for more, {_AGAIN}"
    if kind is XAIUnroutableError:
        return _other_way(status)
    if kind is XAIAuthError and status == 403 and not body.has_reason(_WRONG_KEY_REASON):
        permission = "AddFileToCollection" if request.endpoint.name in _ATTACHING else "the endpoint"
        if host is Host.MANAGEMENT:
            return f"Give the management key the permission for {permission} in xAI's console"
        return (
            "Give the API key the permission for files and search in xAI's console, and check the team is not blocked"
        )
    if kind is XAIAuthError:
        other = Host.API if host is Host.MANAGEMENT else Host.MANAGEMENT
        return f"This call needs the {host.key_name}; check that it is valid and not swapped with the {other.key_name}"
    return _NEXT_STEP[kind]


def _other_way(status: int) -> str:
    if status == 405:
        return "Check the host in the connection: a gateway there may not route this call"
    return "It depends on where the call comes from: send it from another network, or through a proxy elsewhere"


_NEXT_STEP: dict[type[XAIStatusError], str] = {
    XAICreditsError: f"Add credits or raise the spending limit in xAI's console (https://console.x.ai), {_AGAIN}",
    XAINotFoundError: "Check the id, and that the key belongs to the team that owns it",
    XAIConflictError: "See what is there: change the request, or remove what is in its way",
    XAITooLargeError: "Send less at once",
    XAIRateLimitError: "Try again later, with fewer calls at a time",
    XAIServerError: "Try again later; if it lasts, give xAI the request id",
    XAIInvalidRequestError: "Correct the request; to send it again as it is will not help",
    XAIStatusError: "Check the host in the connection",
}


def _read_body(response: Response) -> _ErrorBody:
    """Read any of the shapes seen: flat, nested, numeric, plain text, or a proxy's HTML."""
    text = response.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return _error_body("" if "html" in response.content_type or text.lstrip().startswith("<") else text)
    if not isinstance(body, dict):
        return _error_body(text)
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    detail = source.get("message") or source.get("error") or source.get("details") or source.get("detail") or ""
    code = source.get("code")
    return _error_body(str(detail), (printable(str(code)) or None) if code is not None else None)


def _error_body(text: str, code: str | None = None) -> _ErrorBody:
    """Make both parts of a text fit for messages: what it says, and the reason that it may end with."""
    before, mark, after = text.rpartition(_REASON_MARK)
    reason, end, rest = after.partition("]")
    if mark and end and not rest.strip():
        return _ErrorBody(printable(before), code, printable(reason) or None)
    return _ErrorBody(printable(text), code)
