"""How the service says no: one exception inside, five shapes of body on the wire."""

from __future__ import annotations

from typing import Literal, TypeAlias

from airflow_provider_xai_collections.emulator.messages import HttpReply, json_reply

#: All of them have been seen: ``text`` and ``html`` come from proxies in between.
ErrorShape: TypeAlias = Literal["flat", "nested", "int_code", "text", "html"]

#: The words of gRPC, which the service speaks inside, with their numbers.
_CODES = {
    400: ("invalid-argument", 3),
    401: ("unauthenticated", 16),
    403: ("permission-denied", 7),
    404: ("not-found", 5),
    409: ("already-exists", 6),
    413: ("payload-too-large", 11),
    429: ("resource-exhausted", 8),
    503: ("unavailable", 14),
    504: ("deadline-exceeded", 4),
}


class Refused(Exception):
    """The request is answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def error_reply(status: int, message: str, shape: ErrorShape) -> HttpReply:
    """Dress an error as the service, or a proxy before it, would."""
    word, number = _CODES.get(status, ("internal", 13))
    match shape:
        case "flat":
            return json_reply({"code": word, "error": message}, status)
        case "nested":
            return json_reply({"error": {"message": message, "code": word, "type": word}}, status)
        case "int_code":
            return json_reply({"code": number, "message": message, "details": []}, status)
        case "text":
            return HttpReply(status, {"content-type": "text/plain"}, message.encode())
        case "html":
            page = f"<html><head><title>{status}</title></head><body>{message}</body></html>"
            return HttpReply(status, {"content-type": "text/html"}, page.encode())
