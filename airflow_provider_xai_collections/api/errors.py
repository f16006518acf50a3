"""From an error answer to the error a reader can act on. Source: REST reference and answers seen."""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.protocol import Host, Request, Response
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIServerError,
    XAIStatusError,
    XAITooLargeError,
)

_WRONG_KEY = re.compile(r"incorrect api key|invalid api key|invalid (management|bearer)", re.IGNORECASE)


def error_from(request: Request[Any], response: Response) -> XAIStatusError | None:
    """The error an answer stands for, or ``None`` for success. A redirect is an error: a key is never sent onward."""
    status = response.status
    if 200 <= status < 300:
        return None
    code, detail = _read_body(response)
    kind = _kind(status, detail)
    parts = [f"{request}: {_WHAT[kind]} ({status}{f' {code}' if code else ''}, {response.request_id_text})"]
    if detail:
        parts.append(f'the service says: "{detail}"')
    parts.append(_next_step(kind, status, request))
    return kind(
        ". ".join(parts),
        status=status,
        code=code,
        request_id=response.request_id,
        retry_after=response.headers.get("retry-after"),
    )


def _kind(status: int, detail: str) -> type[XAIStatusError]:
    if status in (401, 403) or (status == 400 and _WRONG_KEY.search(detail)):
        return XAIAuthError
    if status == 408 or status >= 500:
        return XAIServerError
    if 300 <= status < 400:
        return XAIStatusError
    return _BY_STATUS.get(status, XAIInvalidRequestError)


_BY_STATUS: dict[int, type[XAIStatusError]] = {
    404: XAINotFoundError,
    409: XAIConflictError,
    413: XAITooLargeError,
    414: XAITooLargeError,
    429: XAIRateLimitError,
}
_WHAT: dict[type[XAIStatusError], str] = {
    XAIAuthError: "the key was refused",
    XAINotFoundError: "does not exist",
    XAIConflictError: "clashes with what exists",
    XAITooLargeError: "too large for the service",
    XAIRateLimitError: "too many requests",
    XAIServerError: "the service failed",
    XAIInvalidRequestError: "the service refused the request",
    XAIStatusError: "redirected, which is refused because a key must not leave its host",
}


def _next_step(kind: type[XAIStatusError], status: int, request: Request[Any]) -> str:
    host = request.endpoint.host
    if kind is XAIAuthError and status == 403:
        permission = "AddFileToCollection" if request.endpoint.name == "add_document" else "the endpoint"
        if host is Host.MANAGEMENT:
            return f"Give the management key the permission for {permission} in xAI's console"
        return (
            "Give the API key the permission for files and search in xAI's console, and check the team is not blocked"
        )
    if kind is XAIAuthError:
        other = Host.API if host is Host.MANAGEMENT else Host.MANAGEMENT
        return f"This call needs the {host.key_name}; check that it is valid and not swapped with the {other.key_name}"
    return _NEXT_STEP[kind]


_NEXT_STEP: dict[type[XAIStatusError], str] = {
    XAINotFoundError: "Check the id, and that the key belongs to the team that owns it",
    XAIConflictError: "Look at what is there: change the request, or remove what is in its way",
    XAITooLargeError: "Send less at once",
    XAIRateLimitError: "Try again later, with fewer calls at a time",
    XAIServerError: "Try again later; if it lasts, give xAI the request id",
    XAIInvalidRequestError: "Correct the request; to send it again as it is will not help",
    XAIStatusError: "Check the host in the connection",
}


def _read_body(response: Response) -> tuple[str | None, str]:
    """Error code and text from any of the shapes seen: flat, nested, numeric, plain text, or a proxy's HTML."""
    text = response.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None, "" if "html" in response.content_type or text.lstrip().startswith("<") else printable(text)
    if not isinstance(body, dict):
        return None, printable(text)
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    detail = source.get("message") or source.get("error") or source.get("details") or source.get("detail") or ""
    code = source.get("code")
    return (printable(str(code)) or None) if code is not None else None, printable(str(detail))
