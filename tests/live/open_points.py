"""Open points of the API: questions that no documentation answers, and calls that do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from tests.support.caller import upload

from .place import Live, Seen
from .uploading import by_one_call, by_two_calls, comes_out

#: Ids in one ``documents:batchGet``. The last makes about 26 KB of query.
BATCHES = (50, 100, 200, 500)
#: Tries to read something that may lag behind.
TRIES = 10


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A question, and the function that answers it in one line."""

    question: str
    answer: Callable[[Live], str]


def unknown_ids_in_a_batch(live: Live) -> str:
    collection_id = live.collection("batch-unknown")
    file_id = live.document(collection_id)
    seen = live.ask(BATCH_GET_DOCUMENTS, collection_id=collection_id, file_ids=(file_id, _unknown(0)))
    if seen.answer is None:
        return f"the call is refused: {seen.exchange}"
    return f"left out, {len(seen.answer.documents)} of 2 answered: {seen.exchange.status}"


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
            return f"{taken or 'fewer than ' + str(size)} are taken, {size} are not ({how}): {seen.exchange}"
        taken = size
    return f"{taken} at least ({how}, {seen.exchange.query_size} bytes of query): {seen.exchange.status}"


def attach_twice(live: Live) -> str:
    collection_id = live.collection("attach-twice", field_definitions=[{"key": "author"}])
    file_id = live.document(collection_id, author="Melville")
    again = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=file_id, fields={"author": "Melville"})
    other = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=file_id, fields={"author": "Nobody"})
    fields = live.hook.get_document(collection_id=collection_id, file_id=file_id).fields
    kept = "stay as they were" if fields.get("author") == "Melville" else f"are now {fields}"
    return f"same fields: {again.exchange}; other fields: {other.exchange}; the fields {kept}"


def get_right_after_the_attach(live: Live) -> str:
    collection_id = live.collection("get-lag")
    file_id = live.attached(collection_id)
    got, get_tries = _tries(live, lambda: live.ask(GET_DOCUMENT, collection_id=collection_id, file_id=file_id))
    listed, list_tries = _tries(live, lambda: _listed(live, collection_id, file_id))
    return f"GET: {got}, {get_tries}; in the list: {listed}, {list_tries}"


def missing_required_field(live: Live) -> str:
    collection_id = live.collection("required", field_definitions=[{"key": "author", "required": True}])
    return str(live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=live.file()).exchange)


def repeated_unique_field(live: Live) -> str:
    collection_id = live.collection("unique", field_definitions=[{"key": "isbn", "unique": True}])
    live.attached(collection_id, isbn="42")
    again = {"collection_id": collection_id, "file_id": live.file("copy.md"), "fields": {"isbn": "42"}}
    return str(live.ask(ADD_DOCUMENT, **again).exchange)


def undeclared_field(live: Live) -> str:
    """Upload in both ways: each may treat it in its own manner."""
    collection_id = live.collection("undeclared")
    name, fields = f"{live.name}-undeclared.md", {"nobody_declared_me": "x"}
    attached = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=live.file(), fields=fields)
    sent = live.ask(
        UPLOAD_DOCUMENT,
        collection_id=collection_id,
        name=name,
        content_type="text/markdown",
        fields=fields,
        upload=upload(name),
    )
    kept = [dict(each.fields) for each in live.hook.list_documents(collection_id=collection_id)]
    return f"attach: {attached.exchange}; one call: {sent.exchange}; the documents have the fields {kept}"


def add_of_an_existing_field(live: Live) -> str:
    collection_id = live.collection("add-existing", field_definitions=[{"key": "author"}])
    definition = {"key": "author", "description": "who wrote it"}
    seen = _declared(live, collection_id, definition)
    (author,) = live.hook.get_collection(collection_id=collection_id).field_definitions
    became = "is updated" if author.description else "stays as it was"
    return f"{seen.exchange.status}, the definition {became}" if seen.answer is not None else str(seen.exchange)


def new_required_field(live: Live) -> str:
    collection_id = live.collection("new-required")
    seen = _declared(live, collection_id, {"key": "author", "required": True})
    defined = [each.required for each in live.hook.get_collection(collection_id=collection_id).field_definitions]
    became = "it is required" if defined == [True] else "it is not required" if defined else "it is not there"
    return f"{seen.exchange.status}, {became}" if seen.answer is not None else str(seen.exchange)


def _declared(live: Live, collection_id: str, definition: Mapping[str, object]) -> Seen:
    update = {"field_definition": definition, "operation": "FIELD_DEFINITION_ADD"}
    return live.ask(UPDATE_COLLECTION, collection_id=collection_id, field_definition_updates=(update,))


def empty_file(live: Live) -> str:
    sent = live.ask(UPLOAD_FILE, upload=upload(f"{live.name}-empty.md", b""))
    if sent.answer is None:
        return f"refused when uploaded: {sent.exchange}"
    collection_id = live.collection("empty")
    attached = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=sent.answer.id)
    if attached.answer is None:
        return f"uploaded, refused when attached: {attached.exchange}"
    result = live.hook.wait_for_documents(
        collection_id=collection_id,
        file_ids=[sent.answer.id],
        timeout=min(live.patience, 60),
        poll_interval=live.poll_interval,
    )
    ended = f"failed: {result.failed[0].reason}" if result.failed else "processed" if result.processed else "stuck"
    return f"uploaded and attached; then {ended}"


def limits_in_headers(live: Live) -> str:
    """Read the headers of all answers so far; nothing is provoked."""
    seen = [(each, name) for each in live.meter.exchanges for name in each.headers]
    names = sorted({name for _, name in seen if "ratelimit" in name or name == "retry-after"})
    refused = [each for each in live.meter.exchanges if each.status == 429]
    with_pause = sum("retry-after" in each.headers for each in refused)
    said = f"headers {', '.join(names)}" if names else "no header about limits"
    return f"{said} in {len(live.meter.exchanges)} answers; {len(refused)} were 429, {with_pause} with Retry-After"


def filter_of_a_list_by_an_unknown_field(live: Live) -> str:
    collection_id = live.collection("list-filter")
    live.attached(collection_id)
    named = live.ask(LIST_DOCUMENTS, collection_id=collection_id, filter='fields.nobody_defined_me:"x"')
    odd = live.ask(LIST_DOCUMENTS, collection_id=collection_id, filter='nobody_defined_me:"x"')
    return f"`fields.…`: {_found(named, 'documents')}; another name: {_found(odd, 'documents')}"


def filter_of_a_search_by_an_unknown_field(live: Live) -> str:
    collection_id = live.collection("search-filter")
    live.attached(collection_id)
    source = {"collection_ids": (collection_id,)}
    return _found(live.ask(SEARCH_DOCUMENTS, query="whale", source=source, filter='nobody = "x"'), "matches")


def upload_in_one_call(live: Live) -> str:
    collection_id = live.collection("direct")
    name = f"{live.name}-direct.md"
    seen = live.ask(
        UPLOAD_DOCUMENT, collection_id=collection_id, name=name, content_type="text/markdown", upload=upload(name)
    )
    return str(seen.exchange)


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


def delete_an_attached_file(live: Live) -> str:
    collection_id = live.collection("delete-attached")
    file_id = live.document(collection_id)
    deleted = live.ask(DELETE_FILE, file_id=file_id)
    after = live.ask(GET_DOCUMENT, collection_id=collection_id, file_id=file_id)
    return f"DELETE: {deleted.exchange.status}; the document afterwards: {after.exchange.status}"


def end_of_a_list(live: Live) -> str:
    collection_id = live.collection("list-end")
    documents = live.ask(LIST_DOCUMENTS, collection_id=collection_id, limit=2).exchange
    files = live.ask(LIST_FILES, limit=1).exchange
    shown = documents.json.get("documents", "absent") if isinstance(documents.json, dict) else documents
    tokens = _token(documents.json), _token(files.json)
    return f"no documents: `documents` is {shown}, token {tokens[0]}; files, a page of 1: token {tokens[1]}"


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
            return f"refused: {seen.exchange}"
        pages.append(f"{len(seen.answer.documents)} documents, token {_token(seen.exchange.json)}")
        if not (token := seen.answer.pagination_token):
            break
    return "; ".join(pages)


def order_of_files(live: Live) -> str:
    """List files after the newest of all was made."""
    made = live.file("order.md")
    seen = live.ask(LIST_FILES, limit=2)
    if seen.answer is None:
        return f"refused: {seen.exchange}"
    first = seen.answer.items[0]
    if first.id == made:
        return "the newest"
    return f"not the newest: the first is of {first.created_at or 'no time'}"


def page_of_a_collection(live: Live) -> str:
    return "by hand: no call tells. Open a collection in the console and note its address"


POINTS: tuple[OpenPoint, ...] = (
    OpenPoint("batchGet: what does an id do that the collection does not have?", unknown_ids_in_a_batch),
    OpenPoint("batchGet: how many ids does one call take?", most_ids_in_a_batch),
    OpenPoint("Attach: the same file twice?", attach_twice),
    OpenPoint(
        "Attach: is the document there for a GET, and in the list, right after the POST?", get_right_after_the_attach
    ),
    OpenPoint("Fields: status and text when a required one is missing?", missing_required_field),
    OpenPoint("Fields: status and text when a unique value is repeated?", repeated_unique_field),
    OpenPoint("Fields: what becomes of one that is not declared? (seen: refused)", undeclared_field),
    OpenPoint("Fields: what does an ADD of a key do that exists? (doc: updates it)", add_of_an_existing_field),
    OpenPoint("Fields: may a new one be required? (doc: no)", new_required_field),
    OpenPoint("Files: what becomes of an empty one?", empty_file),
    OpenPoint("Lists: what does a filter by an unknown field do?", filter_of_a_list_by_an_unknown_field),
    OpenPoint("Search: does a filter by an unknown field give no match? (doc)", filter_of_a_search_by_an_unknown_field),
    OpenPoint("The one-call upload: its answer? (seen: also a 500)", upload_in_one_call),
    OpenPoint("A PDF by the one call: what comes out? (seen: text)", comes_out(by_one_call, "pdf")),
    OpenPoint("A PDF by two calls: what comes out? (seen: chunks of raw bytes)", comes_out(by_two_calls, "pdf")),
    OpenPoint("A DOCX by the one call: what comes out? (seen: text)", comes_out(by_one_call, "docx")),
    OpenPoint("A DOCX by two calls: what comes out? (seen: FAILED)", comes_out(by_two_calls, "docx")),
    OpenPoint("Documents: what is `hash`, and what do text files come to?", hash_of_a_document),
    OpenPoint("Files: may one be deleted that is attached?", delete_an_attached_file),
    OpenPoint("Lists: how does an empty one look, and how does one end?", end_of_a_list),
    OpenPoint("Lists: are pages as long as asked for, and does the last carry a token?", pages_of_a_list),
    OpenPoint("Files: which come first in a list that names no order?", order_of_files),
    OpenPoint("Limits: are they told, and does a 429 always carry Retry-After?", limits_in_headers),
    OpenPoint("Console: the address of one collection's page?", page_of_a_collection),
)


def _unknown(n: int) -> str:
    return f"file_00000000-0000-4000-8000-{n:012d}"


def _listed(live: Live, collection_id: str, file_id: str) -> Seen:
    seen = live.ask(LIST_DOCUMENTS, collection_id=collection_id)
    found: Sequence[str] = [each.file_id for each in seen.answer.documents] if seen.answer else ()
    return seen if file_id in found else Seen(seen.exchange)


def _tries(live: Live, read: Callable[[], Seen]) -> tuple[int, str]:
    """Return the status of the first try, and how many it took until the thing was there."""
    began = time.monotonic()
    first = read()
    seen, tries = first, 1
    while seen.answer is None and tries < TRIES:
        time.sleep(live.poll_interval / 5)
        seen, tries = read(), tries + 1
    if seen.answer is None:
        return first.exchange.status, f"not there after {tries} tries"
    return first.exchange.status, f"there at try {tries} ({time.monotonic() - began:.1f} s)"


def _found(seen: Seen, what: str) -> str:
    return (
        str(seen.exchange)
        if seen.answer is None
        else f"{seen.exchange.status}, {len(getattr(seen.answer, what))} found"
    )


def _token(answer: object) -> str:
    token = answer.get("pagination_token", "absent") if isinstance(answer, dict) else "unreadable"
    return token if token in ("absent", "unreadable") else "null" if token is None else "given" if token else "empty"
