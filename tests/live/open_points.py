"""Open points of the API: questions that no documentation answers, and calls that do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from blake3 import blake3

from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_FILE,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    LIST_FILES,
    SEARCH_DOCUMENTS,
    UPDATE_COLLECTION,
    UPLOAD_FILE,
)
from tests.support.caller import upload

from .meter import read
from .place import Live, Seen
from .uploading import comes_out

#: Ids in one ``documents:batchGet``. The last makes about 26 KB of query.
BATCHES = (50, 100, 200, 500)
#: Tries to read something that may lag behind.
TRIES = 10

Answer: TypeAlias = Callable[[Live], str]
#: By the question, the function that answers it in one line.
POINTS: dict[str, Answer] = {}


def asks(question: str) -> Callable[[Answer], Answer]:
    """Put a function among the points."""

    def keep(answer: Answer) -> Answer:
        return POINTS.setdefault(question, answer)

    return keep


@asks("batchGet: what does an id do that the collection does not have?")
def unknown_ids_in_a_batch(live: Live) -> str:
    collection_id = live.collection("batch-unknown")
    file_id = live.document(collection_id)
    seen = live.ask(BATCH_GET_DOCUMENTS, collection_id=collection_id, file_ids=(file_id, _unknown(0)))
    if seen.answer is None:
        return f"the call is refused: {seen}"
    return f"left out, {len(seen.answer.documents)} of 2 answered: {seen.status}"


@asks("batchGet: how many ids does one call take?")
def most_ids_in_a_batch(live: Live) -> str:
    """Ask with unknown ids, if the service takes them, or with the same one again and again."""
    collection_id = live.collection("batch-size")
    file_id = live.document(collection_id)
    probe = live.ask(BATCH_GET_DOCUMENTS, collection_id=collection_id, file_ids=(file_id, _unknown(0)))
    how = "different ids" if probe.answer is not None else "the same id repeated"
    taken = 0
    for size in BATCHES:
        others = [_unknown(n) if probe.answer is not None else file_id for n in range(size - 1)]
        seen = live.ask(BATCH_GET_DOCUMENTS, collection_id=collection_id, file_ids=(file_id, *others))
        if seen.answer is None:
            return f"{taken or 'fewer than ' + str(size)} are taken, {size} are not ({how}): {seen}"
        taken = size
    return f"{taken} at least ({how}, {len(seen.last.url.query)} bytes of query): {seen.status}"


@asks("Attach: the same file twice?")
def attach_twice(live: Live) -> str:
    collection_id = live.collection("attach-twice", field_definitions=[{"key": "author"}])
    file_id = live.document(collection_id, author="Melville")
    again = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=file_id, fields={"author": "Melville"})
    other = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=file_id, fields={"author": "Nobody"})
    fields = live.hook.get_document(collection_id=collection_id, file_id=file_id).fields
    kept = "stay as they were" if fields.get("author") == "Melville" else f"are now {fields}"
    return f"same fields: {again}; other fields: {other}; the fields {kept}"


@asks("Attach: is the document there for a GET, and in the list, right after the POST?")
def get_right_after_the_attach(live: Live) -> str:
    collection_id = live.collection("get-lag")
    file_id = live.attached(collection_id)

    def got() -> Seen:
        return live.ask(GET_DOCUMENT, collection_id=collection_id, file_id=file_id)

    def listed() -> Seen:
        seen = live.ask(LIST_DOCUMENTS, collection_id=collection_id)
        return seen if seen.answer and seen.answer.documents else Seen(seen.last, None)

    return f"GET: {_tries(live, got)}; in the list: {_tries(live, listed)}"


@asks("Fields: status and text when a required one is missing?")
def missing_required_field(live: Live) -> str:
    collection_id = live.collection("required", field_definitions=[{"key": "author", "required": True}])
    return str(live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=live.file()))


@asks("Fields: status and text when a unique value is repeated?")
def repeated_unique_field(live: Live) -> str:
    collection_id = live.collection("unique", field_definitions=[{"key": "isbn", "unique": True}])
    live.attached(collection_id, isbn="42")
    again = {"collection_id": collection_id, "file_id": live.file("copy.md"), "fields": {"isbn": "42"}}
    return str(live.ask(ADD_DOCUMENT, **again))


@asks("Fields: what becomes of one that is not declared? (seen: refused)")
def undeclared_field(live: Live) -> str:
    """Upload in both ways: each may treat it in its own manner."""
    collection_id = live.collection("undeclared")
    fields = {"nobody_declared_me": "x"}
    attached = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=live.file(), fields=fields)
    sent = live.ask_upload(collection_id, f"{live.name}-undeclared.md", fields=fields)
    kept = [dict(each.fields) for each in live.hook.list_documents(collection_id=collection_id)]
    return f"attach: {attached}; one call: {sent}; the documents have the fields {kept}"


@asks("Fields: what does an ADD of a key do that exists? (doc: updates it)")
def add_of_an_existing_field(live: Live) -> str:
    collection_id = live.collection("add-existing", field_definitions=[{"key": "author"}])
    seen = _declared(live, collection_id, {"key": "author", "description": "who wrote it"})
    (author,) = live.hook.get_collection(collection_id=collection_id).field_definitions
    return f"{seen}; the definition {'is updated' if author.description else 'stays as it was'}"


@asks("Fields: may a new one be required? (doc: no)")
def new_required_field(live: Live) -> str:
    collection_id = live.collection("new-required")
    seen = _declared(live, collection_id, {"key": "author", "required": True})
    required = [each.required for each in live.hook.get_collection(collection_id=collection_id).field_definitions]
    return (
        f"{seen}; {'it is required' if required == [True] else 'it is not required' if required else 'it is not there'}"
    )


@asks("Files: what becomes of an empty one?")
def empty_file(live: Live) -> str:
    sent = live.ask(UPLOAD_FILE, upload=upload(f"{live.name}-empty.md", b""))
    if sent.answer is None:
        return f"refused when uploaded: {sent}"
    collection_id = live.collection("empty")
    attached = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=sent.answer.id)
    if attached.answer is None:
        return f"uploaded, refused when attached: {attached}"
    result = live.wait(collection_id, sent.answer.id)
    ended = f"failed: {result.failed[0].reason}" if result.failed else "processed" if result.processed else "stuck"
    return f"uploaded and attached; then {ended}"


@asks("Lists: what does a filter by an unknown field do?")
def filter_of_a_list_by_an_unknown_field(live: Live) -> str:
    collection_id = live.collection("list-filter")
    live.attached(collection_id)
    named = live.ask(LIST_DOCUMENTS, collection_id=collection_id, filter='fields.nobody_defined_me:"x"')
    odd = live.ask(LIST_DOCUMENTS, collection_id=collection_id, filter='nobody_defined_me:"x"')
    return f"`fields.…`: {_found(named, 'documents')}; another name: {_found(odd, 'documents')}"


@asks("Search: does a filter by an unknown field give no match? (doc)")
def filter_of_a_search_by_an_unknown_field(live: Live) -> str:
    collection_id = live.collection("search-filter")
    live.attached(collection_id)
    source = {"collection_ids": (collection_id,)}
    return _found(live.ask(SEARCH_DOCUMENTS, query="whale", source=source, filter='nobody = "x"'), "matches")


@asks("The one-call upload: its answer? (seen: also a 500)")
def upload_in_one_call(live: Live) -> str:
    return str(live.ask_upload(live.collection("direct"), f"{live.name}-direct.md"))


POINTS |= {
    "A PDF by one call: what comes out? (seen: text)": partial(comes_out, by_two=False, kind="pdf"),
    "A PDF by two calls: what comes out? (seen: chunks of raw bytes)": partial(comes_out, by_two=True, kind="pdf"),
    "A DOCX by one call: what comes out? (seen: text)": partial(comes_out, by_two=False, kind="docx"),
    "A DOCX by two calls: what comes out? (seen: FAILED)": partial(comes_out, by_two=True, kind="docx"),
}


@asks("Documents: what is `hash`, and what do text files come to?")
def hash_of_a_document(live: Live) -> str:
    content = b"# Known\n\nbytes\n"
    collection_id = live.collection("hash")
    file_id = live.file("known.md", content)
    live.hook.add_document(collection_id=collection_id, file_id=file_id)
    live.wait(collection_id, file_id)
    document = live.hook.get_document(collection_id=collection_id, file_id=file_id)
    is_blake3 = document.file_metadata.hash == blake3(content).hexdigest()
    indexed = "null" if document.last_indexed_at is None else "a time"
    return (
        f"`hash` is {'the BLAKE3' if is_blake3 else 'not the BLAKE3'} of the content; "
        f"`content_type` {document.file_metadata.content_type or '(empty)'}; `last_indexed_at` {indexed}"
    )


@asks("Files: may one be deleted that is attached?")
def delete_an_attached_file(live: Live) -> str:
    collection_id = live.collection("delete-attached")
    file_id = live.document(collection_id)
    deleted = live.ask(DELETE_FILE, file_id=file_id)
    after = live.ask(GET_DOCUMENT, collection_id=collection_id, file_id=file_id)
    return f"DELETE: {deleted.status}; the document afterwards: {after.status}"


@asks("Lists: how does an empty one look, and how does one end?")
def end_of_a_list(live: Live) -> str:
    documents = live.ask(LIST_DOCUMENTS, collection_id=live.collection("list-end"), limit=2)
    files = live.ask(LIST_FILES, limit=1)
    return f"no documents: {documents}; files, a page of 1: token {_token(files)}"


@asks("Lists: are pages as long as asked for, and does the last carry a token?")
def pages_of_a_list(live: Live) -> str:
    """List three documents, two at a time."""
    collection_id = live.collection("pages")
    for number in range(3):
        live.attached(collection_id, f"page-{number}.md")
    pages: list[str] = []
    token = None
    while len(pages) < 5:
        seen = live.ask(LIST_DOCUMENTS, collection_id=collection_id, limit=2, pagination_token=token)
        if seen.answer is None:
            return f"refused: {seen}"
        pages.append(f"{len(seen.answer.documents)} documents, token {_token(seen)}")
        if not (token := seen.answer.pagination_token):
            break
    return "; ".join(pages)


@asks("Files: which come first in a list that names no order?")
def order_of_files(live: Live) -> str:
    """List files after the newest of all was made."""
    made = live.file("order.md")
    seen = live.ask(LIST_FILES, limit=2)
    if seen.answer is None:
        return f"refused: {seen}"
    first = seen.answer.items[0]
    return "the newest" if first.id == made else f"not the newest: the first is of {first.created_at or 'no time'}"


@asks("Limits: are they told, and does a 429 always carry Retry-After?")
def limits_in_headers(live: Live) -> str:
    """Read the headers of all answers so far; nothing is provoked."""
    answers = live.meter.answers
    names = sorted({name for each in answers for name in each.headers if "ratelimit" in name or name == "retry-after"})
    refused = [each for each in answers if each.status_code == 429]
    with_pause = sum("retry-after" in each.headers for each in refused)
    said = f"headers {', '.join(names)}" if names else "no header about limits"
    return f"{said} in {len(answers)} answers; {len(refused)} were 429, {with_pause} with Retry-After"


@asks("Console: the address of one collection's page?")
def page_of_a_collection(live: Live) -> str:
    return "by hand: no call tells. Open a collection in the console and note its address"


def _unknown(n: int) -> str:
    return f"file_00000000-0000-4000-8000-{n:012d}"


def _declared(live: Live, collection_id: str, definition: Mapping[str, object]) -> Seen:
    update = {"field_definition": definition, "operation": "FIELD_DEFINITION_ADD"}
    return live.ask(UPDATE_COLLECTION, collection_id=collection_id, field_definition_updates=(update,))


def _tries(live: Live, look: Callable[[], Seen]) -> str:
    """Say the status of the first try, and how many it took until the thing was there."""
    began = time.monotonic()
    first = seen = look()
    tries = 1
    while seen.answer is None and tries < TRIES:
        time.sleep(live.poll_interval / 5)
        seen, tries = look(), tries + 1
    there = "not there after" if seen.answer is None else "there at"
    return f"{first.status}, {there} try {tries} ({time.monotonic() - began:.1f} s)"


def _found(seen: Seen, what: str) -> str:
    return str(seen) if seen.answer is None else f"{seen.status}, {len(getattr(seen.answer, what))} found"


def _token(seen: Seen) -> str:
    said = read(seen.last)
    token = said.get("pagination_token", "absent") if isinstance(said, dict) else "unreadable"
    return token if token in ("absent", "unreadable") else "null" if token is None else "given" if token else "empty"
