"""The service that things happen to knows what each call did, whichever way a document went."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    CREATE_COLLECTION,
    DELETE_FILE,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS
from airflow_provider_xai_collections.api.protocol import Upload, call
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.emulator import Store
from airflow_provider_xai_collections.exceptions import XAIConflictError
from chaos.checks import held
from chaos.clock import FastClock
from chaos.hosts import inside
from chaos.service import Step, WatchedEmulator

NAME = "000/00001.md"
#: As long as ours may be: they come before the name of the file.
FIELDS = {each.key: "x" * 500 for each in MANAGED_FIELDS}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def service(store: Store) -> Iterator[WatchedEmulator]:
    emulator = WatchedEmulator(store, FastClock.started(1))
    yield emulator
    emulator.close()


@pytest.fixture
def client(service: WatchedEmulator) -> Client:
    return inside(service)


@pytest.fixture
def collection_id(client: Client) -> str:
    created = CREATE_COLLECTION.request(collection_name="whales", field_definitions=MANAGED_FIELDS)
    return client.run(call(created)).collection_id


def upload() -> Upload:
    return Upload(NAME, lambda: io.BytesIO(b"a whale"), 7, "text/markdown")


def in_one_call(client: Client, collection_id: str) -> str:
    request = UPLOAD_DOCUMENT.request(
        collection_id=collection_id, name=NAME, content_type="text/markdown", fields=FIELDS, upload=upload()
    )
    answer = client.run(call(request))
    assert answer.file_metadata is not None
    return answer.file_metadata.file_id


def in_two_calls(client: Client, collection_id: str) -> str:
    file_id = client.run(call(UPLOAD_FILE.request(upload=upload()))).id
    client.run(call(ADD_DOCUMENT.request(collection_id=collection_id, file_id=file_id, fields=FIELDS)))
    return file_id


def test_the_one_call_counts_as_an_upload_and_an_attach(
    client: Client, collection_id: str, store: Store, service: WatchedEmulator
) -> None:
    file_id = in_one_call(client, collection_id)
    now = held(store, service)
    assert service.steps[-1:] == [Step("upload_document", NAME, 1)]
    assert {key: file.filename for key, file in now.attached.items()} == {file_id: NAME}
    assert (now.done["upload_document"], now.unattached) == (1, ())


def test_both_ways_leave_the_same_records(
    client: Client, collection_id: str, store: Store, service: WatchedEmulator
) -> None:
    file_id = in_two_calls(client, collection_id)
    assert service.steps[-2:] == [Step("upload_file", NAME, 1), Step("add_document", NAME, 1)]
    assert held(store, service).attached.keys() == {file_id}


def test_a_second_copy_that_is_refused_is_no_attach(
    client: Client, collection_id: str, store: Store, service: WatchedEmulator
) -> None:
    in_one_call(client, collection_id)
    with pytest.raises(XAIConflictError):
        in_one_call(client, collection_id)
    now = held(store, service)
    assert service.steps[-1:] == [Step("upload_document", NAME, 2)]
    assert (len(now.attached), now.done["upload_document"]) == (1, 1)


def test_the_file_of_the_one_call_is_never_one_that_nobody_attached(
    client: Client, collection_id: str, service: WatchedEmulator
) -> None:
    client.run(call(DELETE_FILE.request(file_id=in_one_call(client, collection_id))))
    assert service.discarded == 0
    spare = client.run(call(UPLOAD_FILE.request(upload=upload()))).id
    client.run(call(DELETE_FILE.request(file_id=spare)))
    assert service.discarded == 1
