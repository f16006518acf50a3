"""The watched service knows what each call did, whichever way a document went."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_xai_collections.api.endpoints import DELETE_FILE, UPLOAD_DOCUMENT
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS
from tests.chaos.checks import records_of
from tests.chaos.watched import Step, WatchedEmulator
from tests.support.caller import Caller, declared, upload

NAME = "000/00001.md"
#: As long as ours may be: they come before the name of the file.
FIELDS = dict.fromkeys(MANAGED_KEYS, "x" * 500)


@pytest.fixture
def service() -> Iterator[WatchedEmulator]:
    emulator = WatchedEmulator()
    yield emulator
    emulator.close()


@pytest.fixture
def caller(service: WatchedEmulator) -> Caller:
    return Caller(service)


@pytest.fixture
def collection_id(caller: Caller) -> str:
    return caller.collection(field_definitions=[{**each, "unique": True} for each in declared(*MANAGED_KEYS)])


def one_call(collection_id: str) -> dict[str, object]:
    return {"collection_id": collection_id, "name": NAME, "fields": FIELDS, "upload": upload(NAME)}


def file_of(caller: Caller, collection_id: str) -> str:
    answer = caller.call(UPLOAD_DOCUMENT, **one_call(collection_id))
    assert answer.file_metadata is not None
    return answer.file_metadata.file_id


def test_the_one_call_counts_as_an_upload_and_an_attach(
    caller: Caller, collection_id: str, service: WatchedEmulator
) -> None:
    file_id = file_of(caller, collection_id)
    now = records_of(service)
    assert service.steps[-1:] == [Step("upload_document", NAME, 1)]
    assert {key: file.filename for key, file in now.attached.items()} == {file_id: NAME}
    assert (now.done["upload_document"], now.unattached) == (1, ())


def test_both_ways_leave_the_same_records(caller: Caller, collection_id: str, service: WatchedEmulator) -> None:
    file_id = caller.file(NAME)
    caller.attach(collection_id, file_id, **FIELDS)
    assert service.steps[-2:] == [Step("upload_file", NAME, 1), Step("add_document", NAME, 1)]
    assert records_of(service).attached.keys() == {file_id}


def test_a_second_copy_that_is_refused_is_no_attach(
    caller: Caller, collection_id: str, service: WatchedEmulator
) -> None:
    file_of(caller, collection_id)
    caller.refused(UPLOAD_DOCUMENT, **one_call(collection_id))
    now = records_of(service)
    assert service.steps[-1:] == [Step("upload_document", NAME, 2)]
    assert (len(now.attached), now.done["upload_document"]) == (1, 1)


def test_only_a_file_that_was_never_attached_counts_as_discarded(
    caller: Caller, collection_id: str, service: WatchedEmulator
) -> None:
    caller.send(DELETE_FILE, file_id=file_of(caller, collection_id))
    assert service.discarded == 0
    caller.send(DELETE_FILE, file_id=caller.file(NAME))
    assert service.discarded == 1
