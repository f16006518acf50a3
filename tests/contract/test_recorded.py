"""Recorded exchanges with the live service: the client reads each answer, and the emulator gives the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from blake3 import blake3

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.protocol import Endpoint, Request
from airflow_provider_xai_collections.emulator import HttpReply
from airflow_provider_xai_collections.emulator.routes import GET_FILE_CONTENT
from airflow_provider_xai_collections.text import printable

from .differences import ANSWERED_OTHERWISE, NOT_READ
from .recorded import EXCHANGES, Exchange, statuses
from .replaying import CONTENTS, FILES, metadata, replay

SUCCESSES = [one for one in EXCHANGES if one.status == 200 and one.endpoint in ENDPOINTS]
ERRORS = [one for one in EXCHANGES if one.status != 200]
#: Values that differ with each call, by name, and how they are written.
OWN = {
    "id": re.compile(r'"file_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"'),
    "file_id": re.compile(r'"file_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"'),
    "collection_id": re.compile(r'"collection_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"'),
    "created_at": re.compile(r'\d{10}|"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"'),
}


def unread(recorded: Any, read: Any, name: str = "") -> Iterator[str]:
    """Yield the parts of an answer that the client leaves out or reads as something else."""
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            if key in read:
                yield from unread(value, read[key], key)
            else:
                yield key
    elif isinstance(recorded, list):
        for one, other in zip(recorded, read, strict=True):
            yield from unread(one, other, name)
    elif read != _meant(recorded, read):
        yield name


def _meant(recorded: Any, read: Any) -> Any:
    """Return the recorded value in the type that the client has for it: times, and numbers that come as text."""
    if isinstance(read, datetime):
        is_unix = isinstance(recorded, int)
        return datetime.fromtimestamp(recorded, read.tzinfo) if is_unix else datetime.fromisoformat(recorded)
    return int(recorded) if type(read) is int and isinstance(recorded, str) else recorded


def otherwise(recorded: Any, answered: Any, where: str = "") -> Iterator[str]:
    """Yield the parts of an answer of the emulator that are not as they were recorded."""
    name = where.rpartition(".")[2]
    if type(recorded) is not type(answered):
        yield where
    elif isinstance(recorded, dict):
        for key in sorted(recorded.keys() | answered.keys()):
            if key in recorded and key in answered:
                yield from otherwise(recorded[key], answered[key], f"{where}.{key}".strip("."))
            else:
                yield f"{where}.{key}".strip(".")
    elif isinstance(recorded, list):
        if len(recorded) != len(answered):
            yield where
        for one, other in zip(recorded, answered, strict=False):
            yield from otherwise(one, other, where)
    elif name in OWN:
        if not all(OWN[name].fullmatch(json.dumps(value)) for value in (recorded, answered)):
            yield where
    elif recorded != answered:
        yield where


def otherwise_altogether(exchange: Exchange) -> Iterator[str]:
    """The parts of the emulator's answer, headers and status among them, that are not as recorded: by day and call."""
    for where in _otherwise_altogether(exchange, replay(exchange)):
        yield f"{exchange.day} {exchange.endpoint.name}: {where}"


def _otherwise_altogether(exchange: Exchange, reply: HttpReply) -> Iterator[str]:
    if reply.status != exchange.status:
        yield "status"
    for header in ("content-type", "www-authenticate"):
        if reply.headers.get(header) != exchange.headers.get(header):
            yield header
    for header in ("cf-ray", "traceparent", "x-request-id", "retry-after"):
        if (header in reply.headers) != (header in exchange.header_names):
            yield header
    if exchange.is_json:
        yield from otherwise(exchange.json, reply.json())
    elif reply.body.decode() != exchange.body:
        yield "body"


def asked(exchange: Exchange) -> Request[Any]:
    """A request of the client for the same call."""
    source = {"collection_ids": ["test-collection"]}
    given: dict[Endpoint[Any], dict[str, Any]] = {
        endpoints.CREATE_COLLECTION: {"collection_name": "test-collection"},
        endpoints.SEARCH_DOCUMENTS: {"query": "test", "limit": 10, "source": source},
    }
    return exchange.endpoint.request(**given[exchange.endpoint])


def test_all_but_one_recorded_call_are_calls_of_the_product() -> None:
    assert {one.endpoint.name for one in EXCHANGES if one.endpoint not in ENDPOINTS} == {GET_FILE_CONTENT.name}
    assert len(SUCCESSES) + len(ERRORS) + 1 == len(EXCHANGES)


@pytest.mark.parametrize("exchange", SUCCESSES, ids=str)
def test_the_client_reads_what_was_recorded(exchange: Exchange) -> None:
    read = exchange.endpoint.decode(exchange.response).model_dump()
    found = {f"{exchange.endpoint.name}: {name}" for name in unread(exchange.json, read)}
    assert found <= NOT_READ.keys()


def test_what_the_client_does_not_read_is_listed() -> None:
    found = {
        f"{exchange.endpoint.name}: {name}"
        for exchange in SUCCESSES
        for name in unread(exchange.json, exchange.endpoint.decode(exchange.response).model_dump())
    }
    assert found == NOT_READ.keys()


@pytest.mark.parametrize("exchange", ERRORS, ids=str)
def test_the_client_says_what_the_service_said(exchange: Exchange) -> None:
    error = error_from(asked(exchange), exchange.response)
    assert error is not None
    said = exchange.json if exchange.is_json else {"message": exchange.body}
    assert (error.status, error.code) == (exchange.status, str(said["code"]) if "code" in said else None)
    assert printable(said["message"].partition("[WKE=")[0].strip()) in str(error)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_the_emulator_answers_as_was_recorded(exchange: Exchange) -> None:
    assert set(otherwise_altogether(exchange)) <= ANSWERED_OTHERWISE.keys()


def test_each_listed_difference_is_there() -> None:
    assert {where for exchange in EXCHANGES for where in otherwise_altogether(exchange)} == ANSWERED_OTHERWISE.keys()


def test_the_hash_of_a_document_is_blake3_of_its_content() -> None:
    hashes = {file["name"]: file["hash"] for exchange in EXCHANGES for file in metadata(exchange)}
    assert hashes == {name: blake3(CONTENTS[name]).hexdigest() for name in hashes}
    assert hashes.keys() == {"doc1.txt", "doc2.txt", "test-doc.txt"}


def test_known_contents_have_the_recorded_sizes() -> None:
    sizes = {exchange.json["filename"]: exchange.json["bytes"] for exchange in EXCHANGES if _is_upload(exchange)}
    assert set(sizes.values()) == {9, 17, 21, 25, 27}
    assert {name: sizes[name] for name in CONTENTS if name in sizes} == {
        name: len(content) for name, content in CONTENTS.items() if name in sizes
    }
    assert all(len(content) == sizes.get(name, len(content)) for name, content in FILES.values())


def _is_upload(exchange: Exchange) -> bool:
    return exchange.endpoint is endpoints.UPLOAD_FILE


def test_readme_says_which_statuses_were_recorded() -> None:
    assert statuses(endpoints.CREATE_COLLECTION) == "200, 400, 401, 429"
    assert statuses(endpoints.SEARCH_DOCUMENTS) == "422"
    assert statuses(endpoints.GET_COLLECTION) == "no"


@pytest.mark.parametrize(
    ("recorded", "answered", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": 1}, {"a": "1"}, ["a"]),
        ({"a": False}, {"a": 0}, ["a"]),
        ({"a": 1}, {}, ["a"]),
        ({}, {"a": None}, ["a"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a.b"]),
        ({"a": [1]}, {"a": []}, ["a"]),
        ({"id": f"file_{'0' * 8}-0000-4000-8000-{'0' * 12}"}, {"id": "file_1"}, ["id"]),
        ({"created_at": 1775143465}, {"created_at": 1775143466}, []),
        ({"created_at": "2026-04-10T14:27:44.518027Z"}, {"created_at": "2026-04-10T14:27:44+00:00"}, ["created_at"]),
    ],
)
def test_a_difference_is_noticed(recorded: Any, answered: Any, expected: list[str]) -> None:
    assert [*otherwise(recorded, answered)] == expected


@pytest.mark.parametrize(
    ("recorded", "read", "expected"),
    [
        ({"a": "9"}, {"a": 9}, []),
        ({"a": "9"}, {"a": 8}, ["a"]),
        ({"a": None}, {"a": ""}, ["a"]),
        ({"a": 1}, {}, ["a"]),
        ({"a": [{"b": 1}]}, {"a": ({"b": 2},)}, ["b"]),
        ({"a": 0}, {"a": datetime.fromisoformat("1970-01-01T00:00:01Z")}, ["a"]),
    ],
)
def test_what_is_read_as_something_else_is_noticed(recorded: Any, read: Any, expected: list[str]) -> None:
    assert [*unread(recorded, read)] == expected
