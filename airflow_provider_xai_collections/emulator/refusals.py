"""Refusals of the service: one exception inside, and the bodies that it has on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator.messages import HttpReply, json_reply

#: ``recorded`` lets each host answer in its own way. The others have been seen too, the last two from proxies.
ErrorShape: TypeAlias = Literal["recorded", "flat", "nested", "int_code", "text", "html"]

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
#: The same in the words of the API host. Only that of 429 is recorded; it is how the gRPC library tonic says it, and
#: so are the others.
_SENTENCES = {
    400: "Client specified an invalid argument",
    401: "The request does not have valid authentication credentials",
    403: "The caller does not have permission to execute the specified operation",
    404: "Some requested entity was not found",
    409: "Some entity that we attempted to create already exists",
    413: "Operation was attempted past the valid range",
    429: "Some resource has been exhausted",
    503: "The service is currently unavailable",
    504: "Deadline expired before operation could complete",
}
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Refused(Exception):
    """The request is answered with an error status.

    :param shape: of the body, where it does not depend on ``error_shape``.
    :param headers: of this answer, beside those that all have.
    :param is_final: no ``Retry-After`` goes with it, because to wait does not help.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        shape: ErrorShape | None = None,
        headers: Mapping[str, str] = _NOTHING,
        is_final: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.shape = shape
        self.headers = headers
        self.is_final = is_final

    def reply(self, shape: ErrorShape, host: Host) -> HttpReply:
        """Answer with it.

        :param shape: of the body, unless the refusal has its own.
        """
        reply = error_reply(self.status, self.message, self.shape or shape, host)
        return replace(reply, headers={**reply.headers, **self.headers})


def error_reply(status: int, message: str, shape: ErrorShape, host: Host) -> HttpReply:
    """Dress an error as the service, or a proxy before it, would."""
    word, number = _CODES.get(status, ("internal", 13))
    match shape:
        case "recorded" if host is Host.API:
            return json_reply({"code": _SENTENCES.get(status, "Internal error"), "error": message}, status)
        case "recorded" | "int_code":
            return json_reply({"code": number, "message": message, "details": []}, status)
        case "flat":
            return json_reply({"code": word, "error": message}, status)
        case "nested":
            return json_reply({"error": {"message": message, "code": word, "type": word}}, status)
        case "text":
            return HttpReply(status, {"content-type": "text/plain; charset=utf-8"}, message.encode())
        case "html":
            page = f"<html><head><title>{status}</title></head><body>{message}</body></html>"
            return HttpReply(status, {"content-type": "text/html"}, page.encode())
