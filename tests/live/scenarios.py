"""Scenarios: what users do, on the real service. Each stands alone and asserts what it has done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from blake3 import blake3

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.filters import ListFilter
from airflow_provider_xai_collections.api.polling import WaitResult, WaitRules
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.operators.stage import run, write
from tests.operators.syncs import counts

from .place import Live
from .uploading import KINDS, finds_text

CHUNKING = {"chars_configuration": {"max_chunk_size_chars": 400, "chunk_overlap_chars": 40}}


def create_and_update(live: Live) -> None:
    """Create a collection, find it by its name, change its name, description, chunking and fields."""
    collection_id = live.collection("create", field_definitions=[{"key": "author"}])
    found = live.hook.find_collections(collection_name=f"{live.name}-create")
    assert [each.collection_id for each in found] == [collection_id]
    live.hook.update_collection(
        collection_id=collection_id,
        collection_name=f"{live.name}-update",
        collection_description="of a test",
        chunk_configuration=CHUNKING,
        field_definition_updates=[{"field_definition": {"key": "year"}, "operation": "FIELD_DEFINITION_ADD"}],
    )
    updated = live.hook.get_collection(collection_id=collection_id)
    assert updated.collection_name == f"{live.name}-update"
    assert updated.collection_description == "of a test"
    assert {field.key for field in updated.field_definitions} == {"author", "year"}
    assert updated.chunk_configuration is not None
    assert updated.chunk_configuration.chars_configuration is not None
    assert updated.chunk_configuration.chars_configuration.max_chunk_size_chars == 400


def attach_read_and_list(live: Live) -> None:
    """Attach a file with fields; read it alone, in a batch, in a list and through filters."""
    collection_id = live.collection("attach", field_definitions=[{"key": "author"}])
    melville = live.document(collection_id, "moby.md", author="Melville")
    other = live.document(collection_id, "other.md", author="Somebody")
    document = live.hook.get_document(collection_id=collection_id, file_id=melville)
    assert (document.name, document.fields["author"]) == (f"{live.name}-moby.md", "Melville")
    batch = live.hook.batch_get_documents(collection_id=collection_id, file_ids=[other, melville])
    assert {each.file_id for each in batch} == {melville, other}
    filters = {
        None: {melville, other},
        str(ListFilter.where("fields.author", ":", "Melville")): {melville},
        f"status:{DocumentStatus.PROCESSED}": {melville, other},
        f"status:!{DocumentStatus.PROCESSED}": set(),
    }
    for wanted, expected in filters.items():
        listed = live.hook.list_documents(collection_id=collection_id, filter=wanted, limit=1)
        assert {each.file_id for each in listed} == expected, wanted


def reindex_and_wait(live: Live) -> None:
    """Index a document again, and wait for it as a worker does, then as a triggerer."""
    collection_id = live.collection("reindex")
    file_id = live.document(collection_id)
    live.hook.reindex_document(collection_id=collection_id, file_id=file_id)
    assert live.wait(collection_id, file_id).processed
    live.hook.reindex_document(collection_id=collection_id, file_id=file_id)

    async def wait() -> WaitResult:
        rules = WaitRules(deadline=time.time() + live.patience, poll_interval=live.poll_interval)
        try:
            return await live.hook.arun(live.hook.waiting(collection_id, [file_id], rules))
        finally:
            await live.hook.aclose()

    assert asyncio.run(wait()).processed == (file_id,)


def search(live: Live) -> None:
    """Search until a document is found that has just been processed, with a filter by its field."""
    collection_id = live.collection("search", field_definitions=[{"key": "author"}])
    file_id = live.document(collection_id, author="Melville")
    task = XAISearchDocumentsOperator(
        task_id="search",
        query="Who is to be called Ishmael?",
        collection_ids=[collection_id],
        filter='author = "Melville"',
        limit=3,
        expect_file_ids=[file_id],
        timeout=live.poll_interval * 12,
        poll_interval=live.poll_interval * 3,
        conn_id=live.hook.conn_id,
    )
    assert run(task)["total"] >= 1


def remove_and_delete(live: Live) -> None:
    """Detach a document, delete its file and the collection; each a second time, when it is not there."""
    collection_id = live.collection("delete")
    file_id = live.document(collection_id)
    hook = live.hook
    assert [hook.remove_document(collection_id=collection_id, file_id=file_id) for _ in range(2)] == [True, False]
    assert hook.get_file(file_id=file_id).id == file_id, "the file stays"
    assert [hook.delete_file(file_id=file_id) for _ in range(2)] == [True, False]
    assert [hook.delete_collection(collection_id=collection_id) for _ in range(2)] == [True, False]


def sync(live: Live) -> None:
    """Sync a folder; again, with nothing to do; then with one file changed, one new and one deleted, pruned."""
    folder = write(live.folder / "library", {f"{live.name}-{name}.md": f"# {name}\n" for name in "abc"})
    collection = f"{live.name}-sync"
    assert counts(_sync(live, folder, collection)) == {"documents": 3, "added": 3}
    before = live.meter.requests
    assert counts(_sync(live, folder, collection)) == {"documents": 3, "kept": 3}
    assert live.meter.requests - before <= 4, "a listing is enough to see that there is nothing to do"
    write(folder, {f"{live.name}-a.md": "# a, second edition\n", f"{live.name}-d.md": "# d\n"})
    (folder / f"{live.name}-b.md").unlink()
    last = _sync(live, folder, collection, prune=True, max_prune=1)
    assert counts(last) == {"documents": 3, "added": 1, "replaced": 1, "kept": 1, "removed": 1, "outdated_removed": 1}
    names = [each.name for each in live.hook.list_documents(collection_id=last["collection_id"])]
    assert sorted(names) == [f"{live.name}-{name}.md" for name in "acd"]


def _sync(live: Live, folder: Any, collection: str, **arguments: Any) -> Any:
    task = XAISyncCollectionOperator(
        task_id="sync",
        source=folder,
        collection_name=collection,
        concurrency=1,
        overlap=live.poll_interval,
        timeout=live.patience,
        poll_interval=live.poll_interval,
        conn_id=live.hook.conn_id,
        **arguments,
    )
    return run(task)


def ingest_what_needs_extraction(live: Live) -> None:
    """Ingest a PDF and a DOCX by the default way; a search finds the text of each, xAI has the bytes that were sent."""
    for kind, (content, content_type) in KINDS.items():
        path = live.folder / f"{live.name}-ingested.{kind}"
        path.write_bytes(content)
        collection_id = live.collection(f"ingested-{kind}")
        task = XAIIngestDocumentsOperator(
            task_id="ingest",
            collection_id=collection_id,
            paths=str(path),
            timeout=live.patience,
            poll_interval=live.poll_interval,
            conn_id=live.hook.conn_id,
        )
        told = run(task)
        (document,) = live.hook.list_documents(collection_id=collection_id)
        assert told["added"] == 1, told["problems"]
        assert document.file_metadata.content_type == content_type
        assert document.file_metadata.hash == blake3(content).hexdigest()
        assert finds_text(live, collection_id), f"no search finds the text of the {kind}"


SCENARIOS: tuple[Callable[[Live], None], ...] = (
    create_and_update,
    attach_read_and_list,
    reindex_and_wait,
    search,
    remove_and_delete,
    sync,
    ingest_what_needs_extraction,
)
