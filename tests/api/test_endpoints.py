"""The table of calls: what is refused before it is sent, and how odd answers are read.

``tests/contract`` has all that xAI's types can say, ``tests/client`` the bytes on the wire, and ``tests/security`` any
JSON and any bytes as an answer.
"""

from __future__ import annotations

import io
import json
from operator import attrgetter
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    CREATE_COLLECTION,
    DELETE_COLLECTION,
    ENDPOINTS,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_COLLECTIONS,
    LIST_FILES,
    SEARCH_DOCUMENTS,
    UPDATE_COLLECTION,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
    VALIDATE_MANAGEMENT_KEY,
)
from airflow_provider_xai_collections.api.files import check_filename
from airflow_provider_xai_collections.api.protocol import Endpoint, Host, Response, Upload
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIResponseError

EVERY_ENDPOINT = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)


def test_names_are_unique_and_so_are_method_and_path() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def test_calls_that_make_something_new_or_delete_fields_are_not_idempotent() -> None:
    once = {endpoint.name for endpoint in ENDPOINTS if not endpoint.idempotent}
    assert once == {"create_collection", "update_collection", "add_document", "upload_document", "upload_file"}


def test_files_and_search_are_on_the_api_host_and_collections_on_the_other() -> None:
    for endpoint in ENDPOINTS:
        on_api = endpoint.path.startswith(("/v1/files", "/v1/documents/search"))
        assert endpoint.host is (Host.API if on_api else Host.MANAGEMENT)


# Requests


def an_upload(filename: str = "a.txt") -> Upload:
    return Upload(filename, io.BytesIO, size=3)


#: Parameters that each of these calls takes.
TAKEN: dict[Endpoint[Any], dict[str, Any]] = {
    CREATE_COLLECTION: {"collection_name": "docs"},
    UPDATE_COLLECTION: {"collection_id": "c"},
    LIST_COLLECTIONS: {},
    ADD_DOCUMENT: {"collection_id": "c", "file_id": "f"},
    BATCH_GET_DOCUMENTS: {"collection_id": "c", "file_ids": ["f"]},
    UPLOAD_DOCUMENT: {"collection_id": "c", "name": "a.txt", "upload": an_upload()},
    UPLOAD_FILE: {"upload": an_upload()},
    SEARCH_DOCUMENTS: {"query": "q", "source": {"collection_ids": ["c1", "c2"]}},
}


def test_a_request_reads_as_the_call_it_is() -> None:
    assert {str(endpoint.request(**params)) for endpoint, params in TAKEN.items()} == {
        "create_collection(docs)",
        "update_collection(c)",
        "list_collections()",
        "add_document(c/f)",
        "batch_get_documents(c)",
        "upload_document(c)",
        "upload_file(a.txt)",
        "search_documents(c1, c2)",
    }


@pytest.mark.parametrize(
    ("endpoint", "mistake", "named"),
    [
        (CREATE_COLLECTION, {"collection_name": ""}, "collection_name: "),
        (CREATE_COLLECTION, {"metric_space": "COSINE"}, "metric_space: "),
        (CREATE_COLLECTION, {"field_definitions": [{"key": ""}]}, "field_definitions.0.key: "),
        (CREATE_COLLECTION, {"index_configuration": {}}, "index_configuration: model_name is needed"),
        (CREATE_COLLECTION, {"index_configuration": {"model_name": ""}}, "index_configuration: model_name is needed"),
        (
            CREATE_COLLECTION,
            {"field_definitions": [{"key": "a", "mandatory": True}]},
            "field_definitions.0: unknown: mandatory; known are ",
        ),
        (
            CREATE_COLLECTION,
            {"chunk_configuration": {"chars_configuration": {"chunk_size": 5}}},
            "chunk_configuration.chars_configuration: unknown: chunk_size; known are max_chunk_size_chars",
        ),
        (UPDATE_COLLECTION, {"chunk_configuration": {}}, "chunk_configuration: exactly one"),
        (LIST_COLLECTIONS, {"limit": 0}, "limit: "),
        (LIST_COLLECTIONS, {"limit": 101}, "limit: "),
        (ADD_DOCUMENT, {"fields": {"year": 2024}}, "fields.year: "),
        (BATCH_GET_DOCUMENTS, {"file_ids": []}, "file_ids: "),
        (UPLOAD_DOCUMENT, {"name": "a;b"}, "name: the file name 'a;b' contains ';'"),
        (UPLOAD_FILE, {"upload": an_upload("a;b")}, "upload: the file name 'a;b' contains ';'"),
        (UPLOAD_FILE, {"expires_after": 3599}, "expires_after: "),
        (UPLOAD_FILE, {"expires_after": 2_592_001}, "expires_after: "),
        (SEARCH_DOCUMENTS, {"query": ""}, "query: "),
        (SEARCH_DOCUMENTS, {"source": {"collection_ids": []}}, "source.collection_ids: "),
        (
            SEARCH_DOCUMENTS,
            {"source": {"collections": ["c"]}},
            "source: unknown: collections; known are ",
        ),
        (SEARCH_DOCUMENTS, {"limit": 0}, "limit: "),
        (SEARCH_DOCUMENTS, {"limit": 2**31}, "limit: "),
        (SEARCH_DOCUMENTS, {"retrieval_mode": {"type": "magic"}}, "retrieval_mode.type: "),
        (SEARCH_DOCUMENTS, {"group_by": {"keys": []}}, "group_by.keys: "),
    ],
)
def test_what_the_service_would_refuse_is_not_sent_and_the_mistake_named(
    endpoint: Endpoint[Any], mistake: dict[str, Any], named: str
) -> None:
    with pytest.raises(XAIArgumentError) as caught:
        endpoint.request(**{**TAKEN[endpoint], **mistake})
    assert str(caught.value).startswith(f"{endpoint.name}: {named}")


@EVERY_ENDPOINT
def test_a_parameter_nobody_knows_is_refused(endpoint: Endpoint[Any]) -> None:
    with pytest.raises(XAIArgumentError, match=rf"^{endpoint.name}: .*colour: Extra inputs are not permitted"):
        endpoint.request(colour="red")


def test_all_mistakes_are_named_up_to_five_and_no_value_is_shown() -> None:
    with pytest.raises(XAIArgumentError) as caught:
        GET_COLLECTION.request(collection_id=["secret"], a=1, b=2, c=3, d=4, e=5)
    message = str(caught.value)
    assert message.count(";") == 4
    assert "secret" not in message


def test_nothing_is_not_sent_and_an_empty_text_is() -> None:
    assert LIST_COLLECTIONS.request(team_id=None, limit=None).query == ()
    emptied = UPDATE_COLLECTION.request(collection_id="c", collection_name=None, collection_description="")
    assert emptied.json == {"collection_description": ""}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in (".", "..")))
@example("a/b")
def test_an_id_stays_one_segment_of_the_path_whatever_it_holds(file_id: str) -> None:
    path = GET_DOCUMENT.request(collection_id="c", file_id=file_id).path
    *before, segment = path.split("/")
    assert before == ["", "v1", "collections", "c", "documents"]
    assert unquote(segment) == file_id
    assert not set(segment) & set("?#%: \n") - {"%"}


@pytest.mark.parametrize(("no_id", "shown"), [("", ""), (".", "."), ("..", ".."), ("a\ud800", r"a\\ud800")])
def test_an_id_that_would_change_the_path_or_is_no_text_is_refused(no_id: str, shown: str) -> None:
    with pytest.raises(XAIArgumentError, match=f"get_collection: collection_id is '{shown}', which is not an id"):
        GET_COLLECTION.request(collection_id=no_id)


@pytest.mark.parametrize("name", ["a", "Überblick 2024.pdf", "a/b.txt", "数.md", "soft\xadhyphen", "x" * 255])
def test_a_good_file_name_is_returned_as_it_is(name: str) -> None:
    assert check_filename(name) == name


REFUSED = ['a"b', "a;b", "a\\b", "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "not text \udce9"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((name, "which xAI refuses: rename it") for name in REFUSED),
        ("", "1 to 255 characters, this one 0"),
        ("x" * 256, "1 to 255 characters, this one 256"),
    ],
)
def test_a_file_name_that_the_service_refuses_is_refused(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        check_filename(name)
    assert str(caught.value).isprintable()


# Answers

#: Parts without which an answer of these calls is none.
NEEDED: dict[Endpoint[Any], dict[str, Any]] = {
    GET_COLLECTION: {"collection_id": "c"},
    GET_DOCUMENT: {"file_metadata": {"file_id": "f"}},
}


@pytest.mark.parametrize(
    ("endpoint", "body", "part", "value"),
    [
        (GET_COLLECTION, {"metric_space": "HNSW_WARP"}, "metric_space", "HNSW_WARP"),
        (GET_COLLECTION, {"index_configuration": {}}, "index_configuration.model_name", None),
        (GET_COLLECTION, {"field_definitions": None}, "field_definitions", ()),
        (GET_COLLECTION, {"shiny": {}, "field_definitions": [{"key": "year", "shiny": 1}]}, "collection_id", "c"),
        (
            GET_COLLECTION,
            {"chunk_configuration": {"chars_configuration": None, "brand_new_configuration": {"x": 1}}},
            "chunk_configuration.strategies",
            {},
        ),
        (LIST_COLLECTIONS, {}, "items", ()),
        (LIST_COLLECTIONS, {"collections": None, "pagination_token": ""}, "items", ()),
        (GET_DOCUMENT, {"status": "DOCUMENT_STATUS_DREAMING"}, "status", "DOCUMENT_STATUS_DREAMING"),
        (GET_DOCUMENT, {"status": ""}, "status", ""),
        (GET_DOCUMENT, {"status": 9}, "status", "9"),
        (GET_DOCUMENT, {"status": None}, "status", DocumentStatus.UNKNOWN),
        (GET_DOCUMENT, {}, "status", DocumentStatus.UNKNOWN),
        (UPLOAD_DOCUMENT, {}, "file_metadata", None),
        (UPLOAD_DOCUMENT, {"file_metadata": None}, "file_metadata", None),
        (UPLOAD_DOCUMENT, {"file_metadata": {}}, "file_metadata", None),
        (UPLOAD_DOCUMENT, {"file_metadata": {"file_id": ""}}, "file_metadata", None),
        (VALIDATE_MANAGEMENT_KEY, {"apiKeyId": "k"}, "api_key_id", "k"),
        (VALIDATE_MANAGEMENT_KEY, {"scopeId": "s"}, "scope_id", "s"),
        (VALIDATE_MANAGEMENT_KEY, {"teamId": "t"}, "team_id", "t"),
        (SEARCH_DOCUMENTS, {"matches": None}, "matches", ()),
    ],
)
def test_what_is_new_or_left_out_hides_nothing_else(
    endpoint: Endpoint[Any], body: dict[str, Any], part: str, value: Any
) -> None:
    whole = json.dumps({**NEEDED.get(endpoint, {}), **body}).encode()
    assert attrgetter(part)(endpoint.decode(Response(200, {}, whole))) == value


@pytest.mark.parametrize(
    ("endpoint", "body", "said"),
    [
        (GET_DOCUMENT, b'{"status": "DOCUMENT_STATUS_PROCESSED"}', "is not a Document: file_metadata"),
        (GET_DOCUMENT, b'{"file_metadata": {"name": "a"}}', "is not a Document: file_metadata"),
        (LIST_FILES, b'{"documents": []}', "is not a FilePage: none of the fields data, pagination_token is there"),
        (LIST_COLLECTIONS, b'{"error": "try later"}', "none of the fields collections, pagination_token is there"),
        (
            LIST_COLLECTIONS,
            b'{"collections": [{"collection_id": "c"}, {"collection_name": "x"}]}',
            r"collections\.1\.collection_id: Field required",
        ),
        (DELETE_COLLECTION, b'{"error": "no"}', "it carries an error"),
        (DELETE_COLLECTION, b"[]", "is not a Empty"),
        (LIST_COLLECTIONS, b"", "is not a CollectionPage"),
        (LIST_COLLECTIONS, b"[" * 100_000, "is not a CollectionPage"),
        (LIST_COLLECTIONS, b'{"collections":' + b"[" * 100_000, "is not a CollectionPage"),
        (LIST_COLLECTIONS, b"9" * 10_000, "is not a CollectionPage"),
        (LIST_COLLECTIONS, b"\xff\xfe\x00", "is not a CollectionPage"),
    ],
)
def test_an_answer_of_something_else_is_refused(endpoint: Endpoint[Any], body: bytes, said: str) -> None:
    with pytest.raises(XAIResponseError, match=f"^{endpoint.name}: the answer .*{said}"):
        endpoint.decode(Response(200, {}, body))


def test_an_answer_that_cannot_be_read_names_the_endpoint_the_place_and_the_next_step() -> None:
    headers = {"content-type": "text/html", "x-request-id": "req_7"}
    with pytest.raises(XAIResponseError) as caught:
        GET_COLLECTION.decode(Response(200, headers, b"<html>secret"))
    assert str(caught.value) == (
        "get_collection: the answer is not a Collection: Invalid JSON: expected value at line 1 column 1 "
        "(status 200, text/html, 12 bytes, request req_7). If this repeats, look for a proxy in between"
    )


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b'{"anything": 1}'])
def test_an_answer_of_nothing_may_be_empty(body: bytes) -> None:
    assert DELETE_COLLECTION.decode(Response(200, {}, body)) is not None
