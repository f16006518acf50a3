"""Every error this provider raises.

Each message names the endpoint, the id, the status, the request id and the next step; never a key, never a
document's content. All errors survive pickling, because Airflow carries them across processes.
"""

from __future__ import annotations

from airflow_provider_xai_collections.text import printable

#: Characters of a message, which may name several documents and quote the service on each.
MAX_MESSAGE = 5_000


class XAIError(Exception):
    """Base of all errors of this provider. Its message is one printable line without keys, whatever it quotes."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message, MAX_MESSAGE))


class XAIInterruptedError(XAIError):
    """The work was cancelled: the task was killed, or its result is not wanted any more."""


class XAIArgumentError(XAIError, ValueError):
    """An argument was refused here, before anything was sent."""


class XAITransportError(XAIError):
    """No usable HTTP answer: no connection, a cut one, or a time-out.

    :param sent: whether the service may have received the request. ``False`` makes a repeat safe even for a write.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class XAIOutcomeUnknownError(XAIError):
    """A write was sent and its answer lost: it may or may not have happened. Check before repeating it."""


class XAIResponseError(XAIError):
    """The service answered success with a body that is not what the contract says."""


class XAIIncompleteListError(XAIError):
    """A list ended in a way that leaves open what else there is: nothing may be decided on what it does not show."""


class XAIStatusError(XAIError):
    """The service answered with an error status.

    :param status: the HTTP status.
    :param code: the service's own error code, if the body had one.
    :param reason: the service's machine-readable reason, e.g. ``form-invalid:not-empty:collection_name``, if the text
        ended in one (``[WKE=…]``).
    :param request_id: the ``x-request-id`` of the answer, or else its ``cf-ray``, for xAI's support.
    :param retry_after: the ``Retry-After`` header as it came: seconds or an HTTP date.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str | None = None,
        reason: str | None = None,
        request_id: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.request_id = request_id
        self.retry_after = retry_after


class XAIAuthError(XAIStatusError):
    """The key was refused (401, 403, or another status that says the key is wrong)."""


class XAICreditsError(XAIStatusError):
    """The team has no credits left, or reached its spending limit (402, and the 403 and 429 that say so)."""


class XAINotFoundError(XAIStatusError):
    """The collection, document or file does not exist (404); ``after_doubt``: an earlier try may have deleted it."""

    after_doubt = False


class XAIConflictError(XAIStatusError):
    """The request clashes with what exists (409)."""


class XAIInvalidRequestError(XAIStatusError):
    """The service refused the request as wrong (400 and other 4xx)."""


class XAITooLargeError(XAIStatusError):
    """The body or the URL is larger than the service takes (413, 414)."""


class XAIRateLimitError(XAIStatusError):
    """Too many requests (429)."""


class XAIUnroutableError(XAIStatusError):
    """A gateway refused the call for good (405, and the 500 that names a header of Cloudflare): nothing was done."""


class XAIServerError(XAIStatusError):
    """The service failed or is overloaded (408, 5xx, 529)."""


class XAICredentialError(XAIError):
    """A key that the call needs is not configured."""


class XAISourceError(XAIError):
    """A document to ingest cannot be read: it vanished, changed, or access to it failed."""


class XAIUnfitDocumentError(XAISourceError):
    """A document to ingest is nothing that xAI would take: empty, too large, badly named, or not a file."""


class XAIAmbiguousNameError(XAIError):
    """Several collections have the name; only an id can tell them apart."""


class XAIIndexingError(XAIError):
    """Documents did not reach ``DOCUMENT_STATUS_PROCESSED``: they failed or vanished."""


class XAITimeoutError(XAIError):
    """A wait ran out of time."""
