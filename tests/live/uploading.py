"""Uploads in both ways, of documents whose text has to be extracted: what comes out of each."""

from __future__ import annotations

import time

from blake3 import blake3

from airflow_provider_xai_collections.api.content_types import DOCX, PDF
from airflow_provider_xai_collections.api.endpoints import ADD_DOCUMENT, SEARCH_DOCUMENTS, UPLOAD_FILE
from tests.sample_documents import docx, pdf
from tests.support.caller import upload

from .place import Live, Seen

#: A word that stands in the text of a document alone: its bytes are compressed.
WORD = "Armen"
TEXT = f"The lighthouse of {WORD} was lit in the year 1881.\nIts lamp can be seen from twenty miles."
QUERY = f"In which year was the lighthouse of {WORD} lit?"
#: Searches for a document: one that has just been processed may not be found at once.
TRIES = 2
#: The content and the type of each kind, by the end of its name. The PDF has bytes that are no text, as a photograph
#: would be: of the whole they make more chunks than the text does.
KINDS = {"pdf": (pdf(TEXT, padding=20_000), PDF), "docx": (docx(TEXT), DOCX)}


def _sent(live: Live, collection_id: str, name: str, kind: str, by_two: bool) -> Seen:
    """Upload by one call, with the content type, or as a file and then attach; return what came back last."""
    content, content_type = KINDS[kind]
    if not by_two:
        return live.ask_upload(collection_id, name, content, content_type)
    sent = live.ask(UPLOAD_FILE, upload=upload(name, content))
    return sent if sent.answer is None else live.ask(ADD_DOCUMENT, collection_id=collection_id, file_id=sent.answer.id)


def comes_out(live: Live, *, by_two: bool, kind: str) -> str:
    """Say what became of a document of this kind that went this way."""
    way = f"{'two' if by_two else 'one'}-{kind}"
    collection_id = live.collection(way)
    sent = _sent(live, collection_id, f"{live.name}-{way}.{kind}", kind, by_two)
    if sent.answer is None:
        return f"refused: {sent}"
    # The answer to the one call may not tell the id, and the list may lag behind.
    time.sleep(live.poll_interval)
    documents = live.hook.list_documents(collection_id=collection_id)
    if not documents:
        return "taken, and not in the list"
    file_id = documents[0].file_id
    result = live.wait(collection_id, file_id)
    document = live.hook.get_document(collection_id=collection_id, file_id=file_id)
    content, promised = KINDS[kind]
    metadata = document.file_metadata
    said = [
        str(document.status).removeprefix("DOCUMENT_STATUS_"),
        f"stored as {'the type it is' if metadata.content_type == promised else metadata.content_type or '(empty)'}",
        f"{document.chunk_count} chunks of {metadata.size_bytes:,} bytes",
        f"`hash` is {'the' if metadata.hash == blake3(content).hexdigest() else 'not the'} BLAKE3 of what was sent",
    ]
    if result.failed:
        said.append(f"the service says: {document.error_message or '(nothing)'}")
    elif result.processed:
        found = "finds its text" if finds_text(live, collection_id) else f"does not find its text, in {TRIES} tries"
        said += [f"a search {found}", *(f"doubted: {doubt.reason}" for doubt in result.doubts)]
    return "; ".join(said)


def finds_text(live: Live, collection_id: str) -> bool:
    """Search for the text of the document. Raw bytes may be a match as well, but not with the word."""
    for turn in range(TRIES):
        if turn:
            time.sleep(3 * live.poll_interval)
        seen = live.ask(SEARCH_DOCUMENTS, query=QUERY, source={"collection_ids": (collection_id,)}, limit=3)
        if seen.answer is not None and any(WORD in match.text for match in seen.answer.matches):
            return True
    return False
