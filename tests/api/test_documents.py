from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    REINDEX_DOCUMENT,
    REMOVE_DOCUMENT,
    UPLOAD_DOCUMENT,
)
from airflow_provider_xai_collections.api.protocol import Response
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIResponseError

SEEN = b"""{
    "file_metadata": {"file_id": "file_1", "name": "a.pdf", "size_bytes": "12345678901", "upload_status": "DONE",
        "content_type": "application/pdf", "created_at": "2025-11-02T10:11:12Z", "expires_at": null, "hash": "ab"},
    "fields": {"year": "2024"}, "status": "DOCUMENT_STATUS_PROCESSED", "error_message": "", "last_indexed_at": null,
    "chunk_count": "7", "chunks_processed_count": "7", "brand_new": [1]
}"""


def decoded(endpoint: Any, body: bytes) -> Any:
    return endpoint.decode(Response(200, {}, body))


def test_a_document_is_read_as_it_was_seen() -> None:
    document = decoded(GET_DOCUMENT, SEEN)
    assert (document.file_id, document.name, document.file_metadata.size_bytes) == ("file_1", "a.pdf", 12345678901)
    assert document.status is DocumentStatus.PROCESSED
    assert (document.fields, document.chunk_count, document.last_indexed_at) == ({"year": "2024"}, 7, None)


@pytest.mark.parametrize("word", ["DOCUMENT_STATUS_DREAMING", "", "processed"])
def test_a_status_nobody_knows_yet_is_kept_as_text(word: str) -> None:
    document = decoded(GET_DOCUMENT, b'{"file_metadata": {"file_id": "f"}, "status": "%s"}' % word.encode())
    assert document.status == word
    assert not isinstance(document.status, DocumentStatus)


def test_the_number_of_a_status_is_a_word_nobody_knows() -> None:
    document = decoded(GET_DOCUMENT, b'{"file_metadata": {"file_id": "f"}, "status": 9}')
    assert document.status == "9"


@pytest.mark.parametrize(
    "body", [b'{"file_metadata": {"file_id": "f"}}', b'{"file_metadata":{"file_id":"f"},"status":null}']
)
def test_a_document_without_status_is_in_progress(body: bytes) -> None:
    assert decoded(GET_DOCUMENT, body).status is DocumentStatus.UNKNOWN


@pytest.mark.parametrize("body", [b'{"status": "DOCUMENT_STATUS_PROCESSED"}', b'{"file_metadata": {"name": "a"}}'])
def test_a_document_without_id_is_no_document(body: bytes) -> None:
    with pytest.raises(XAIResponseError, match="get_document: the answer is not a Document: file_metadata"):
        decoded(GET_DOCUMENT, body)


def test_attaching_sends_the_fields_and_names_both_ids() -> None:
    request = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"year": "2024"}, team_id="t")
    assert request.path == "/v1/collections/c/documents/f"
    assert request.json == {"fields": {"year": "2024"}, "team_id": "t"}
    assert str(request) == "add_document(c/f)"


def test_attaching_without_fields_sends_an_empty_object() -> None:
    assert ADD_DOCUMENT.request(collection_id="c", file_id="f").json == {}


def test_a_field_is_text_and_nothing_else() -> None:
    with pytest.raises(XAIArgumentError, match=r"add_document: fields\.year: "):
        ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"year": 2024})


@pytest.mark.parametrize("endpoint", [REINDEX_DOCUMENT, REMOVE_DOCUMENT, GET_DOCUMENT])
def test_calls_on_one_document_carry_the_team_in_the_query_and_no_body(endpoint: Any) -> None:
    request = endpoint.request(collection_id="c", file_id="f", team_id="t")
    assert (request.path, request.query, request.json) == ("/v1/collections/c/documents/f", (("team_id", "t"),), None)


def test_ids_of_a_batch_are_repeated_in_the_query() -> None:
    request = BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["a", "b"])
    assert request.path == "/v1/collections/c/documents:batchGet"
    assert request.query == (("file_ids", "a"), ("file_ids", "b"))


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(XAIArgumentError, match="batch_get_documents: file_ids: "):
        BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=[])


def test_a_list_sends_what_narrows_and_orders_it() -> None:
    request = LIST_DOCUMENTS.request(
        collection_id="c",
        limit=10,
        order="ORDERING_ASCENDING",
        sort_by="DOCUMENTS_SORT_BY_AGE",
        pagination_token="t",
        filter='name:"x"',
    )
    assert dict(request.query) == {
        "limit": "10",
        "order": "ORDERING_ASCENDING",
        "sort_by": "DOCUMENTS_SORT_BY_AGE",
        "pagination_token": "t",
        "filter": 'name:"x"',
    }


def test_a_batch_and_a_list_are_read_alike() -> None:
    body = b'{"documents": [{"file_metadata": {"file_id": "f"}}]}'
    assert decoded(LIST_DOCUMENTS, body).items == decoded(BATCH_GET_DOCUMENTS, body).documents
    assert decoded(LIST_DOCUMENTS, body).pagination_token is None


def test_the_one_call_upload_may_answer_with_the_document_or_with_nothing() -> None:
    assert decoded(UPLOAD_DOCUMENT, b'{"file_metadata": {"file_id": "f"}}').file_metadata.file_id == "f"
    assert decoded(UPLOAD_DOCUMENT, b"{}").file_metadata is None
