"""Work of several requests, written once for every driver.

Each flow can be repeated after dying at any line: it looks at what is there, then does what is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
    Endpoint,
)
from airflow_provider_xai_collections.api.polling import Poller, WaitResult
from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Sleep, call
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAITooLargeError,
)

MAX_PAGE = 100
#: Ids per ``documents:batchGet``: how many it takes is unknown, and 50 make about 2.6 KB of query.
BATCH_SIZE = 50
#: Attaches with a lost answer before giving up.
ADD_TRIES = 5
#: Looks for something that may have been made a moment ago: what the service shows may lag behind.
LOOKS = 3

Item = TypeVar("Item", covariant=True)


class Page(Protocol[Item]):
    """What the answers of list calls have in common."""

    @property
    def items(self) -> tuple[Item, ...]: ...

    @property
    def pagination_token(self) -> str | None: ...


class Pages(Generic[Item]):
    """The walk through a list: which page to ask for next, and when the list has ended.

    It ends on a missing or empty token, a page shorter than asked for, or a token already used. ``limit`` is the page
    size; a list is complete whatever it is.
    """

    def __init__(self, endpoint: Endpoint[Any], **params: Any) -> None:
        self._endpoint = endpoint
        limit = params.get("limit")
        self._params = {**params, "limit": MAX_PAGE if limit is None else limit}
        self._token: str | None = params.get("pagination_token")
        self._used: set[str] = set()
        self._ended = False

    def next_request(self) -> Request[Any] | None:
        """The request for the next page, or ``None`` at the end."""
        if self._ended:
            return None
        return self._endpoint.request(**{**self._params, "pagination_token": self._token})

    def observe(self, page: Page[Item]) -> tuple[Item, ...]:
        """Take in a page and return its items."""
        if self._token:
            self._used.add(self._token)
        self._token = page.pagination_token
        short = len(page.items) < self._params["limit"]
        self._ended = not self._token or short or self._token in self._used
        return page.items


def list_all(endpoint: Endpoint[Any], **params: Any) -> Flow[list[Any]]:
    """Every item of a list, all pages."""
    pages: Pages[Any] = Pages(endpoint, **params)
    items: list[Any] = []
    while (request := pages.next_request()) is not None:
        items.extend(pages.observe((yield from call(request))))
    return items


def add_document(
    collection_id: str, file_id: str, *, fields: dict[str, str] | None = None, team_id: str | None = None
) -> Flow[bool]:
    """Attach a file; return ``True`` if this call did it, ``False`` if it was attached already.

    An unknown outcome, or a refusal that may mean "already there", is settled by looking at the document.

    :raises XAIConflictError: another document holds a unique value, or the file is attached with other ``fields``.
    """
    request = ADD_DOCUMENT.request(collection_id=collection_id, file_id=file_id, fields=fields, team_id=team_id)
    in_doubt = 0
    while True:
        try:
            yield from call(request)
            return True
        except (XAIConflictError, XAIInvalidRequestError) as error:
            refusal: XAIError = error
        except XAIOutcomeUnknownError as error:
            refusal = error
            in_doubt += 1
        except XAIError as error:
            if in_doubt:
                raise _still_unknown(error) from error
            raise
        # A document may be invisible for a moment after it was attached, so look longer when we may have done it.
        try:
            document = yield from look(collection_id, file_id, team_id=team_id, looks=LOOKS if in_doubt else 1)
        except XAINotFoundError:
            if in_doubt == ADD_TRIES or not isinstance(refusal, XAIOutcomeUnknownError):
                raise refusal from None
        except XAIError as error:
            if in_doubt:
                raise _still_unknown(error) from error
            raise
        else:
            _check_fields(request, document, fields or {})
            return bool(in_doubt)


def _still_unknown(error: XAIError) -> XAIOutcomeUnknownError:
    return XAIOutcomeUnknownError(f"{error}. An earlier try may have been done all the same")


def _check_fields(request: Request[Any], document: Document, fields: dict[str, str]) -> None:
    if different := sorted(key for key, value in fields.items() if document.fields.get(key) != value):
        raise XAIConflictError(
            f"{request}: the file is attached already, with other values of "
            f"{', '.join(different)}. Remove the document first, or leave its fields as they are",
            status=409,
        )


def look(collection_id: str, file_id: str, *, team_id: str | None = None, looks: int = 1) -> Flow[Document]:
    """The document, asking up to ``looks`` times before believing that the collection does not have it."""
    request = GET_DOCUMENT.request(collection_id=collection_id, file_id=file_id, team_id=team_id)
    for turn in range(1, looks):
        try:
            return (yield from call(request))
        except XAINotFoundError:
            yield Sleep(float(turn))
    return (yield from call(request))


def batch_get_documents(
    collection_id: str,
    file_ids: Iterable[str],
    *,
    team_id: str | None = None,
    deadline: float | None = None,
) -> Flow[list[Document]]:
    """The documents with these ids; an id the collection does not have is left out.

    A batch that the service refuses is halved, down to the one id it refuses. No retry starts after ``deadline``.

    :raises XAINotFoundError: the collection does not exist.
    """
    ids = list(dict.fromkeys(file_ids))
    batches = deque(ids[start : start + BATCH_SIZE] for start in range(0, len(ids), BATCH_SIZE))
    documents: list[Document] = []
    collection_exists = False
    while batches:
        batch = batches.popleft()
        request = BATCH_GET_DOCUMENTS.request(collection_id=collection_id, file_ids=tuple(batch), team_id=team_id)
        try:
            documents.extend((yield from call(replace(request, deadline=deadline))).documents)
        except (XAIInvalidRequestError, XAINotFoundError, XAITooLargeError) as error:
            if error.status not in (400, 404, 413, 414):
                raise
            if not collection_exists:
                exists = GET_COLLECTION.request(collection_id=collection_id, team_id=team_id)
                yield from call(replace(exists, deadline=deadline))
                collection_exists = True
            if len(batch) > 1:
                half = len(batch) // 2
                batches.extendleft((batch[half:], batch[:half]))
            elif isinstance(error, XAITooLargeError):
                raise
    return documents


def wait_for_documents(
    collection_id: str, poller: Poller, *, team_id: str | None = None, tell: Callable[[Poller], None] | None = None
) -> Flow[WaitResult]:
    """Poll until the poller says the wait is over; ``tell`` hears after each look how far it is."""
    while True:
        try:
            documents = yield from batch_get_documents(
                collection_id, poller.pending, team_id=team_id, deadline=poller.rules.deadline
            )
        except XAIError as error:
            now: float = yield Now()
            result = poller.failed(now, error)
        else:
            now = yield Now()
            result = poller.observe(now, documents)
        if tell is not None:
            tell(poller)
        if result is not None:
            return (yield from with_doubts(collection_id, poller, result, team_id=team_id))
        yield poller.pause(now)


def with_doubts(
    collection_id: str, poller: Poller, result: WaitResult, *, team_id: str | None = None
) -> Flow[WaitResult]:
    """Return the result with the doubts for which the chunking of the collection is needed.

    A request more, and only if a document is such that it tells; should it fail, they are not raised.
    """
    if not poller.suspects:
        return result
    try:
        collection = yield from call(GET_COLLECTION.request(collection_id=collection_id, team_id=team_id))
    except XAIError:
        return result
    return poller.judge_suspects(result, collection.chunk_configuration)


def unfinished_documents(
    collection_id: str, *, filter: str | None = None, team_id: str | None = None
) -> Flow[list[str]]:
    """Ids of the documents not processed yet, of those that match ``filter``: what a wait on a collection watches."""
    unfinished = f"status:!{DocumentStatus.PROCESSED}"
    both = f"{filter} AND {unfinished}" if filter else unfinished
    documents = yield from list_all(LIST_DOCUMENTS, collection_id=collection_id, filter=both, team_id=team_id)
    return [document.file_id for document in documents if document.status != DocumentStatus.PROCESSED]


def documents_to_reindex(collection_id: str, *, failed: bool = False, team_id: str | None = None) -> Flow[list[str]]:
    """Ids of all documents, or of those whose indexing failed."""
    wanted = f"status:{DocumentStatus.FAILED}" if failed else None
    documents = yield from list_all(LIST_DOCUMENTS, collection_id=collection_id, filter=wanted, team_id=team_id)
    chosen = (each.file_id for each in documents if not failed or each.status == DocumentStatus.FAILED)
    return list(dict.fromkeys(chosen))


def remove_document(collection_id: str, file_id: str, *, team_id: str | None = None) -> Flow[bool]:
    """Detach a document; ``False`` if it was not there."""
    return (yield from _gone(REMOVE_DOCUMENT.request(collection_id=collection_id, file_id=file_id, team_id=team_id)))


def delete_collection(collection_id: str, *, team_id: str | None = None) -> Flow[bool]:
    """Delete a collection; ``False`` if it was not there."""
    return (yield from _gone(DELETE_COLLECTION.request(collection_id=collection_id, team_id=team_id)))


def delete_file(file_id: str) -> Flow[bool]:
    """Delete a file; ``False`` if it was not there."""
    return (yield from _gone(DELETE_FILE.request(file_id=file_id)))


def _gone(request: Request[Any]) -> Flow[bool]:
    try:
        yield from call(request)
    except XAINotFoundError as error:
        return error.after_doubt  # by this very call, whose answer was lost
    return True
