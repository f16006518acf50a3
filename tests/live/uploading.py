"""Uploads in both ways, of documents whose text has to be extracted: what comes out of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from blake3 import blake3

from airflow_provider_xai_collections.api.content_types import DOCX, PDF
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import ADD_DOCUMENT, SEARCH_DOCUMENTS, UPLOAD_DOCUMENT, UPLOAD_FILE
from airflow_provider_xai_collections.api.polling import WaitResult
from tests.sample_documents import docx, pdf
from tests.support.caller import upload

from .place import Live

#: A word that stands in the text of a document alone: its bytes are compressed.
WORD = "Armen"
TEXT = f"The lighthouse of {WORD} was lit in the year 1881.\nIts lamp can be seen from twenty miles."
QUERY = f"In which year was the lighthouse of {WORD} lit?"
#: Searches for a document: one that has just been processed may not be found at once.
TRIES = 2
#: Bytes of the PDF that are no text, as a photograph would be: of the whole they make more chunks than the text does.
_PADDING = 20_000

#: The content and the type of each kind, by the end of its name.
KINDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "pdf": (partial(pdf, TEXT, padding=_PADDING), PDF),
    "docx": (partial(docx, TEXT), DOCX),
}

#: ``send(live, collection_id, name, kind)``: uploads and attaches a document; says why not, or nothing.
Send: TypeAlias = Callable[[Live, str, str, str], str]


def by_one_call(live: Live, collection_id: str, name: str, kind: str) -> str:
    """Upload by ``POST /v1/collections/{collection_id}/documents``, with the content type."""
    make, content_type = KINDS[kind]
    sent = live.ask(
        UPLOAD_DOCUMENT,
        collection_id=collection_id,
        name=name,
        content_type=content_type,
        upload=upload(name, make()),
    )
    return "" if sent.answer is not None else f"refused: {sent.exchange}"


def by_two_calls(live: Live, collection_id: str, name: str, kind: str) -> str:
    """Upload by ``POST /v1/files``, then attach."""
    make, _ = KINDS[kind]
    sent = live.ask(UPLOAD_FILE, upload=upload(name, make()))
    if sent.answer is None:
        return f"refused when uploaded: {sent.exchange}"
    attached = live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=sent.answer.id)
    return "" if attached.answer is not None else f"refused when attached: {attached.exchange}"


def comes_out(send: Send, kind: str) -> Callable[[Live], str]:
    """Return the answer of an open point: what became of a document of this kind that went this way."""

    def answer(live: Live) -> str:
        way = send.__name__.replace("_", "-")
        collection_id, name = live.collection(f"{way}-{kind}"), f"{live.name}-{way}.{kind}"
        if refused := send(live, collection_id, name, kind):
            return refused
        file_id = _found(live, collection_id, name)
        if file_id is None:
            return f"taken, and not in the list after {TRIES} tries"
        result = live.hook.wait_for_documents(
            collection_id=collection_id,
            file_ids=[file_id],
            timeout=live.patience,
            poll_interval=live.poll_interval,
        )
        document = live.hook.get_document(collection_id=collection_id, file_id=file_id)
        return "; ".join([*_described(document, kind), *_ended(live, document, collection_id, result)])

    return answer


def finds_text(live: Live, collection_id: str) -> bool:
    """Search for the text of the document. Raw bytes may be a match as well, but not with the word."""
    for turn in range(TRIES):
        if turn:
            time.sleep(3 * live.poll_interval)
        seen = live.ask(SEARCH_DOCUMENTS, query=QUERY, source={"collection_ids": (collection_id,)}, limit=3)
        if seen.answer is not None and any(WORD in match.text for match in seen.answer.matches):
            return True
    return False


def _found(live: Live, collection_id: str, name: str) -> str | None:
    """Return the id of the document: the answer to the one call may not tell it."""
    for turn in range(TRIES):
        if turn:
            time.sleep(live.poll_interval)
        for document in live.hook.list_documents(collection_id=collection_id):
            if document.name == name:
                return document.file_id
    return None


def _described(document: Document, kind: str) -> list[str]:
    make, promised = KINDS[kind]
    metadata = document.file_metadata
    stored = metadata.content_type or "(empty)"
    is_blake3 = metadata.hash == blake3(make()).hexdigest()
    chunks = "no chunk count" if document.chunk_count is None else f"{document.chunk_count} chunks"
    return [
        str(document.status).removeprefix("DOCUMENT_STATUS_"),
        f"stored as {'the type it is' if stored == promised else stored}",
        f"{chunks} of {metadata.size_bytes:,} bytes",
        f"`hash` is {'the' if is_blake3 else 'not the'} BLAKE3 of what was sent" if metadata.hash else "no `hash`",
    ]


def _ended(live: Live, document: Document, collection_id: str, result: WaitResult) -> list[str]:
    """Say of a document that failed, why; of others, whether a search finds the text."""
    if result.failed:
        return [f"the service says: {document.error_message or '(nothing)'}"]
    if not result.processed:
        return [f"not processed after {live.patience:g} s"]
    found = "finds its text" if finds_text(live, collection_id) else f"does not find its text, in {TRIES} tries"
    return [f"a search {found}", *(f"doubted: {doubt.reason}" for doubt in result.doubts)]
