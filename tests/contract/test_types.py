"""Every call, field, enum word and chunking strategy of ours is xAI's, and the other way round, or it is listed."""

from __future__ import annotations

from enum import StrEnum

import pytest
from google.protobuf.descriptor import FieldDescriptor

from airflow_provider_xai_collections.api import chunking, collections, documents, files, search, wire
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS

from .checked import CHECKED
from .comparing import Differences
from .differences import AS_NUMBER, AS_TEXT, NOT_OURS, OWN_WORDS, REST_ONLY, SPELT, UNIX_SECONDS
from .kinds import TIMESTAMP
from .published import SERVICES, message

RPCS = {method.full_name: method for service in SERVICES for method in service.methods}


@pytest.fixture(scope="module")
def found() -> Differences:
    differences = Differences()
    for endpoint in ENDPOINTS:
        checked = CHECKED[endpoint.name]
        if checked.request:
            differences.compare(endpoint.params, checked.request)
        if checked.answer:
            differences.compare(endpoint.answer, checked.answer)
    return differences


def test_every_endpoint_says_what_it_is_checked_against() -> None:
    assert list(CHECKED) == [endpoint.name for endpoint in ENDPOINTS]
    for checked in CHECKED.values():
        assert (checked.request and checked.answer) or checked.rest_only, checked


@pytest.mark.parametrize("name", [name for name, checked in CHECKED.items() if checked.rpc])
def test_the_messages_are_those_of_the_published_call(name: str) -> None:
    checked = CHECKED[name]
    method = RPCS[str(checked.rpc)]
    # A file is sent as a stream, whose first message has the parameters in it.
    first = [
        part.message_type.full_name
        for part in method.input_type.fields
        if method.client_streaming and part.name == "init"
    ]
    assert [checked.request] == (first or [method.input_type.full_name])
    assert checked.answer == method.output_type.full_name


def test_what_only_we_have_is_listed_with_its_source(found: Differences) -> None:
    assert found.ours_only == set(REST_ONLY)


def test_what_only_xai_has_is_listed_with_its_reason(found: Differences) -> None:
    uncalled = RPCS.keys() - {checked.rpc for checked in CHECKED.values()}
    assert found.theirs_only | uncalled == set(NOT_OURS)


def test_an_enum_of_one_side_that_is_text_on_the_other_is_listed(found: Differences) -> None:
    assert found.as_text == set(AS_TEXT)
    rooms = {room.__name__ for room in (chunking, collections, documents, files, search, wire)}
    ours = {enum for enum in StrEnum.__subclasses__() if enum.__module__ in rooms}
    assert ours - found.enums == set(OWN_WORDS)


def test_what_has_another_name_there_is_there() -> None:
    for name in SPELT:
        kind, _, field = name.rpartition(".")
        assert field in message(kind).fields_by_name


def test_what_rest_writes_as_a_number_is_a_time_or_has_64_bits_there() -> None:
    for name in {*UNIX_SECONDS, *AS_NUMBER}:
        kind, _, word = name.rpartition(".")
        field = message(kind).fields_by_name[word]
        if name in UNIX_SECONDS:
            assert field.message_type.full_name == TIMESTAMP
        else:
            assert field.type == FieldDescriptor.TYPE_INT64


def test_the_ways_to_retrieve_are_all_there_are() -> None:
    (modes,) = [group for group in message("xai_api.SearchRequest").oneofs if group.name == "retrieval_mode"]
    assert {f"{word}_retrieval" for word in search.RetrievalType} == {field.name for field in modes.fields}


def test_each_strategy_of_chunking_has_one_source() -> None:
    (group,) = message("rag.ChunkConfiguration").oneofs
    known = {name for name in chunking.ChunkConfiguration.model_fields if name.endswith("_configuration")}
    rest_only = {name for name in known if f"rag.ChunkConfiguration.{name}" in REST_ONLY}
    assert known - rest_only == {field.name for field in group.fields}
