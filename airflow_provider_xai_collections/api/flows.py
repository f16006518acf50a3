"""Work of several requests, written once for every driver.

Each flow can be repeated after dying at any line: it finds what is there, then does what is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.doubts import may_be_raw_bytes
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    LIST_FILES,
    REMOVE_DOCUMENT,
)
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import A, Endpoint, Flow, Now, Request, Sleep, call
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIError,
    XAIIncompleteListError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAITooLargeError,
    XAIUnroutableError,
)
from airflow_provider_xai_collections.text import counted

MAX_PAGE = 100
#: Ids in one ``documents:batchGet``: how many it takes is unknown, and 50 make about 2.6 KB of query.
BATCH_SIZE = 50
#: Ids to get one by one where ``documents:batchGet`` cannot be used: more are searched for in the list.
MAX_SINGLE_GETS = 20
#: Single ids that ``documents:batchGet`` may refuse, before it ever answered, until it is not used any more.
MAX_REFUSALS = 3
#: Attaches with a lost answer before giving up.
ADD_TRIES = 5
#: Lookups of something that may have been made a moment ago: what the service shows may lag behind.
LOOKUPS = 3

Item = TypeVar("Item", covariant=True)


class Page(Protocol[Item]):
    """A page of a list, of whatever kind."""

    @property
    def items(self) -> tuple[Item, ...]: ...

    @property
    def pagination_token(self) -> str | None: ...


class Pages(Generic[Item]):
    """The walk through a list: which page comes next, and when the list has ended.

    It ends on a missing or empty token, an empty page, a page with nothing new, or a token seen before; not on a short
    page, as nothing promises full ones. After a *full* page, a token seen before or a page with nothing new may hide
    more: then the next request is an error, so that nobody takes what was shown for the whole list.

    ``limit`` is the page size. Of each item only its id is kept.

    :param strict: doubt any end but a missing or empty token and an empty page: for lists by which files are deleted. A
        service that caps its pages below ``limit`` and sends one again may have more to show.
    """

    def __init__(self, endpoint: Endpoint[Any], *, strict: bool = False, **params: Any) -> None:
        self._endpoint = endpoint
        self._strict = strict
        limit = params.get("limit")
        self._limit: int = MAX_PAGE if limit is None else limit
        self._params = {**params, "limit": self._limit}
        self._token: str | None = params.get("pagination_token")
        self._tokens: set[str] = {self._token} if self._token else set()
        self._seen: set[str] = set()
        self._identity = _IDENTITIES[endpoint.name]
        self._longest = 0
        self._was_full = False
        self._ended = False
        self._doubt = ""

    def next_request(self) -> Request[Any] | None:
        """Return the request for the next page, or ``None`` at the end; raise an error if the end is in doubt."""
        request = self._endpoint.request(**{**self._params, "pagination_token": self._token})
        if self._doubt:
            raise XAIIncompleteListError(
                f"{request}: the list may be incomplete. After {counted(len(self._seen), 'item')} the service sent "
                f"{self._doubt}, so nothing is decided on what it does not show. Try again later; if it repeats, list "
                "less at a time with a filter, or tell xAI"
            )
        return None if self._ended else request

    def add_page(self, page: Page[Item]) -> tuple[Item, ...]:
        """Take in a page and return those of its items that no page has shown before."""
        count = len(page.items)
        new = {self._identity(item): item for item in page.items if self._identity(item) not in self._seen}
        self._seen.update(new)
        # A service may cap its pages below the limit: then the longest page shows what a full one is.
        full = count >= min(self._limit, self._longest or self._limit)
        if not page.items:
            self._ended = True
        elif not new:
            self._end("a page with nothing new" if self._was_full or self._strict else "")
        elif not page.pagination_token:
            self._ended = True
        elif page.pagination_token in self._tokens:
            self._end("the token of a page that it had sent before" if full or self._strict else "")
        else:
            self._tokens.add(page.pagination_token)
            self._token = page.pagination_token
        self._longest = max(self._longest, count)
        self._was_full = full
        return tuple(new.values())

    def _end(self, doubt: str) -> None:
        self._ended, self._doubt = True, doubt


#: Identities of the items of each list.
_IDENTITIES: dict[str, Callable[[Any], str]] = {
    LIST_COLLECTIONS.name: attrgetter("collection_id"),
    LIST_DOCUMENTS.name: attrgetter("file_id"),
    LIST_FILES.name: attrgetter("id"),
}


def list_all(endpoint: Endpoint[Any], *, strict: bool = False, **params: Any) -> Flow[list[Any]]:
    """Return every item of a list, all :class:`Pages`; raise an error if there may be more."""
    pages: Pages[Any] = Pages(endpoint, strict=strict, **params)
    items: list[Any] = []
    while (request := pages.next_request()) is not None:
        items.extend(pages.add_page((yield from call(request))))
    return items


def add_document(
    collection_id: str, file_id: str, *, fields: dict[str, str] | None = None, team_id: str | None = None
) -> Flow[bool]:
    """Attach a file; return ``True`` if this call did it, ``False`` if it was attached already.

    After an unknown outcome, or a refusal that may mean "already there", the document is looked up.

    :raises XAIConflictError: another document has a unique value, or the file is attached with other ``fields``.
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
        # A document may be invisible for a moment after it was attached, so look it up longer if this call may have.
        try:
            document = yield from find_document(
                collection_id, file_id, team_id=team_id, tries=LOOKUPS if in_doubt else 1
            )
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


def find_document(collection_id: str, file_id: str, *, team_id: str | None = None, tries: int = 1) -> Flow[Document]:
    """Return the document, after up to ``tries`` lookups if the collection does not show it."""
    request = GET_DOCUMENT.request(collection_id=collection_id, file_id=file_id, team_id=team_id)
    for turn in range(1, tries):
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
    """Return the documents with these ids, as far as the collection has them.

    A batch that the service refuses is halved, down to the one id it refuses. That says nothing about the id, for a
    gateway may not route this call at all: so it is looked up by a call of its own. Where batches turn out not to work,
    so are the others, or in a list if that takes fewer requests. No retry starts after ``deadline``.

    :raises XAINotFoundError: the collection does not exist.
    """
    ids = list(dict.fromkeys(file_ids))
    batches = deque(ids[start : start + BATCH_SIZE] for start in range(0, len(ids), BATCH_SIZE))
    lookup = _Lookup(collection_id, team_id, deadline)
    found: dict[str, Document] = {}
    collection: Collection | None = None
    works = False
    refusals = 0
    while batches:
        batch = batches.popleft()
        try:
            page = yield from lookup.call(BATCH_GET_DOCUMENTS, file_ids=tuple(batch))
        except (XAIInvalidRequestError, XAINotFoundError, XAITooLargeError, XAIUnroutableError) as error:
            if error.status not in (400, 404, 405, 413, 414):
                raise
            refused_whatever_the_ids = error.status == 405
        else:
            works = True
            found.update((document.file_id, document) for document in page.documents)
            continue
        if collection is None:
            collection = yield from lookup.call(GET_COLLECTION)
        if refused_whatever_the_ids:
            batches.appendleft(batch)
            works, refusals = False, MAX_REFUSALS
        elif len(batch) == 1:
            found.update((yield from lookup.documents(batch, collection)))
            # Where one is refused although it is there, the others may be as well.
            refusals += MAX_REFUSALS if batch[0] in found else 1
        else:
            # Until it has worked, one alone goes first: it tells whether the others are worth a request.
            first = len(batch) // 2 if works else 1
            batches.extendleft((batch[first:], batch[:first]))
        if refusals >= MAX_REFUSALS and not works:
            others = [file_id for each in batches for file_id in each]
            found.update((yield from lookup.documents(others, collection)))
            break
    return [found[file_id] for file_id in ids if file_id in found]


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Calls that look up documents of one collection."""

    collection_id: str
    team_id: str | None
    deadline: float | None

    def call(self, endpoint: Endpoint[A], **params: Any) -> Flow[A]:
        request = endpoint.request(collection_id=self.collection_id, team_id=self.team_id, **params)
        return (yield from call(replace(request, deadline=self.deadline)))

    def documents(self, file_ids: Sequence[str], collection: Collection) -> Flow[dict[str, Document]]:
        """Return those of the documents that the collection has, got one by one or found in its list."""
        found: dict[str, Document] = {}
        if len(file_ids) <= max(MAX_SINGLE_GETS, collection.documents_count // MAX_PAGE):
            for file_id in file_ids:
                found.update((yield from self._document(file_id)))
            return found
        wanted = set(file_ids)
        pages: Pages[Document] = Pages(LIST_DOCUMENTS, collection_id=self.collection_id, team_id=self.team_id)
        while len(found) < len(wanted) and (request := pages.next_request()) is not None:
            page = pages.add_page((yield from call(replace(request, deadline=self.deadline))))
            found.update((document.file_id, document) for document in page if document.file_id in wanted)
        return found

    def _document(self, file_id: str) -> Flow[dict[str, Document]]:
        """Return one document, or nothing if the collection, which must exist, does not have it."""
        try:
            return {file_id: (yield from self.call(GET_DOCUMENT, file_id=file_id))}
        except XAINotFoundError:
            return {}


def wait_for_documents(
    collection_id: str,
    poller: Poller,
    *,
    team_id: str | None = None,
    on_progress: Callable[[Poller], None] = lambda poller: None,
) -> Flow[WaitResult]:
    """Poll until the poller says that the wait is over; ``on_progress`` is called after each poll."""
    while True:
        why = ""
        try:
            documents = yield from watched_documents(
                collection_id, poller, team_id=team_id, deadline=poller.rules.deadline
            )
        except XAIError as error:
            now: float = yield Now()
            result = poller.handle_error(now, error)
            why = str(error)
        else:
            now = yield Now()
            result = poller.handle_poll(now, documents)
        on_progress(poller)
        if result is not None:
            return result
        yield replace(poller.pause(now), then="the next poll", reason=why)


def watched_documents(
    collection_id: str, poller: Poller, *, team_id: str | None = None, deadline: float | None = None
) -> Flow[list[Document]]:
    """Return the documents that a poller waits for, as they are now; it learns the chunking once that is needed."""
    documents = yield from batch_get_documents(collection_id, poller.pending, team_id=team_id, deadline=deadline)
    yield from _learn_chunking(collection_id, poller, documents, team_id=team_id, deadline=deadline)
    return documents


def _learn_chunking(
    collection_id: str,
    poller: Poller,
    documents: Iterable[Document],
    *,
    team_id: str | None,
    deadline: float | None = None,
) -> Flow[None]:
    if poller.chunking is None and any(map(may_be_raw_bytes, documents)):
        poller.chunking = yield from chunking_of(collection_id, team_id=team_id, deadline=deadline)


def chunking_of(
    collection_id: str, *, team_id: str | None = None, deadline: float | None = None
) -> Flow[ChunkConfiguration]:
    """Return the chunking of a collection; without any strategy if it does not say."""
    request = GET_COLLECTION.request(collection_id=collection_id, team_id=team_id)
    collection = yield from call(replace(request, deadline=deadline))
    return collection.chunk_configuration or ChunkConfiguration()


def all_documents(
    collection_id: str, *, filter: str | None = None, team_id: str | None = None, strict: bool = False
) -> Flow[list[Document]]:
    """Return every document of a collection, or every one that matches ``filter``; ``strict`` as of :class:`Pages`.

    A list may lag behind: while the collection says that it has more, it is read again, and is an error in the end.
    With a filter, only an empty list is read again, and believed in the end.
    """
    request = GET_COLLECTION.request(collection_id=collection_id, team_id=team_id)
    shown = ""
    for turn in range(LOOKUPS):
        if turn:
            yield Sleep(float(turn), then="the next list", reason=f"this one shows {shown}")
        count = (yield from call(request)).documents_count
        documents = yield from list_all(
            LIST_DOCUMENTS, strict=strict, collection_id=collection_id, filter=filter, team_id=team_id
        )
        if len(documents) >= (1 if filter and count else count):
            return documents
        shown = "no match of the filter" if filter else f"{len(documents)} of {counted(count, 'document')}"
    if filter:
        return []
    raise XAIIncompleteListError(
        f"{collection_id} says that it has {counted(count, 'document')}, and its list shows {len(documents)}, so "
        "nothing is decided on what it does not show. Try again later"
    )


def watched_collection(
    collection_id: str, rules: WaitRules, *, filter: str | None = None, team_id: str | None = None
) -> Flow[Poller]:
    """Return a poller for a whole collection, or for the documents that match ``filter``, after its first poll.

    It watches those that are not processed. If the service lists none, it may not show them yet: then all documents are
    listed, and those that are processed count as such. A poll that fails is repeated as ``rules`` say.
    """
    poller = Poller((), rules)
    while True:
        try:
            documents = yield from _documents_to_watch(collection_id, filter=filter, team_id=team_id)
            yield from _learn_chunking(collection_id, poller, documents, team_id=team_id)
            break
        except XAIError as error:
            now: float = yield Now()
            poller.handle_error(now, error)
            if rules.deadline is not None and now >= rules.deadline:
                raise
            yield replace(poller.pause(now), then="the next poll", reason=str(error))
    for document in documents:
        poller.watch(document.file_id)
    poller.handle_poll((yield Now()), documents)
    return poller


def _documents_to_watch(collection_id: str, *, filter: str | None, team_id: str | None) -> Flow[list[Document]]:
    unfinished = f"status:!{DocumentStatus.PROCESSED}"
    both = f"{filter} AND {unfinished}" if filter else unfinished
    listed = yield from list_all(LIST_DOCUMENTS, collection_id=collection_id, filter=both, team_id=team_id)
    if documents := [document for document in listed if document.status != DocumentStatus.PROCESSED]:
        return documents
    return (yield from all_documents(collection_id, filter=filter, team_id=team_id))


def documents_to_reindex(collection_id: str, *, failed: bool = False, team_id: str | None = None) -> Flow[list[str]]:
    """Return the ids of all documents, or of those whose indexing failed."""
    if not failed:
        documents = yield from all_documents(collection_id, team_id=team_id)
        return [document.file_id for document in documents]
    wanted = f"status:{DocumentStatus.FAILED}"
    documents = yield from list_all(LIST_DOCUMENTS, collection_id=collection_id, filter=wanted, team_id=team_id)
    return [document.file_id for document in documents if document.status == DocumentStatus.FAILED]


def remove_document(collection_id: str, file_id: str, *, team_id: str | None = None) -> Flow[bool]:
    """Detach a document; ``False`` if it was not there."""
    return (yield from _delete(REMOVE_DOCUMENT.request(collection_id=collection_id, file_id=file_id, team_id=team_id)))


def delete_collection(collection_id: str, *, team_id: str | None = None) -> Flow[bool]:
    """Delete a collection; ``False`` if it was not there."""
    return (yield from _delete(DELETE_COLLECTION.request(collection_id=collection_id, team_id=team_id)))


def delete_file(file_id: str) -> Flow[bool]:
    """Delete a file; ``False`` if it was not there."""
    return (yield from _delete(DELETE_FILE.request(file_id=file_id)))


def _delete(request: Request[Any]) -> Flow[bool]:
    try:
        yield from call(request)
    except XAINotFoundError as error:
        return error.after_doubt  # by this very call, whose answer was lost
    return True
