"""The emulator covers the contract table, and answers what the table says."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.protocol import Host, Response
from airflow_provider_xai_collections.emulator import Emulator, HttpRequest, Settings
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.emulator.service import find_handlers

from .caller import Caller, upload


def every_call(caller: Caller) -> dict[str, dict[str, Any]]:
    """Parameters with which each endpoint succeeds; in the order of the dict."""
    collection_id = caller.collection(
        field_definitions=[{"key": "year", "unique": True}],
        chunk_configuration={"chars_configuration": {"max_chunk_size_chars": 10, "chunk_overlap_chars": 2}},
    )
    attached, loose = caller.file(), caller.file()
    caller.attach(collection_id, attached, year="1851")
    one, document = {"collection_id": collection_id}, {"collection_id": collection_id, "file_id": attached}
    return {
        "create_collection": {"collection_name": "another"},
        "list_collections": {"limit": 1},
        "get_collection": one,
        "update_collection": {**one, "collection_description": "of the sea"},
        "add_document": {**one, "file_id": loose, "fields": {"year": "1902"}},
        "list_documents": one,
        "get_document": document,
        "reindex_document": document,
        "batch_get_documents": {**one, "file_ids": [attached, loose]},
        "upload_document": {**one, "name": "n.txt", "fields": {"a": "b"}, "upload": upload("n.txt")},
        "validate_management_key": {},
        "upload_file": {"expires_after": 3600, "purpose": "assistants", "upload": upload("é €.txt")},
        "list_files": {"limit": 2},
        "get_file": {"file_id": attached},
        "search_documents": {"query": "whales", "source": {"collection_ids": [collection_id]}},
        "remove_document": document,
        "delete_file": {"file_id": attached},
        "delete_collection": one,
    }


@pytest.mark.parametrize("empty_arrays", ["list", "null", "absent"])
@pytest.mark.parametrize("pagination_end", ["absent", "empty", "always", "repeat"])
def test_every_endpoint_answers_what_its_contract_reads(empty_arrays: Any, pagination_end: Any) -> None:
    settings = Settings(empty_arrays=empty_arrays, pagination_end=pagination_end, files_pagination_end=pagination_end)
    caller = Caller(Emulator(settings))
    calls = every_call(caller)
    assert calls.keys() == {endpoint.name for endpoint in ENDPOINTS}
    by_name = {endpoint.name: endpoint for endpoint in ENDPOINTS}
    for name, params in calls.items():
        reply = caller.send(by_name[name], **params)
        assert reply.status == 200, (name, reply.body)
        assert reply.headers["x-request-id"]
        by_name[name].decode(Response(reply.status, reply.headers, reply.body))


def test_a_missing_handler_is_named() -> None:
    with pytest.raises(LookupError, match="no handler for create_collection, list_collections"):
        find_handlers(object())


def test_an_id_may_contain_anything_that_is_encoded() -> None:
    route = find_route(HttpRequest("GET", None, "/v1/collections/a%2Fb/documents/c%3Ad"))
    assert route.endpoint is endpoints.GET_DOCUMENT
    assert route.ids == {"collection_id": "a/b", "file_id": "c:d"}


def test_batch_get_is_not_a_document() -> None:
    route = find_route(HttpRequest("GET", Host.MANAGEMENT, "/v1/collections/c/documents:batchGet"))
    assert route.endpoint is endpoints.BATCH_GET_DOCUMENTS


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/v1/nothing", Host.MANAGEMENT, 404),
        ("GET", "/v1/files", Host.MANAGEMENT, 404),
        ("GET", "/v1/collections", Host.API, 404),
        ("PATCH", "/v1/collections", Host.MANAGEMENT, 405),
    ],
)
def test_what_a_host_does_not_serve(caller: Caller, method: str, path: str, host: Host, status: int) -> None:
    assert caller.raw(method, path, host=host).status == status
    assert caller.emulator.log[-1].endpoint == ""


def test_the_readers_of_the_package_need_no_server() -> None:
    import airflow_provider_xai_collections.emulator as package

    assert callable(package.running)
    with pytest.raises(AttributeError, match="no attribute 'walking'"):
        package.walking  # noqa: B018
