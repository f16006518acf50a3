"""Routes: which endpoint of the contract table a request means. The answers are tested in ``tests/contract``."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator import HttpRequest
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.emulator.service import find_handlers
from tests.support.caller import Caller


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
