"""The emulator's answers are messages of xAI's types, and whatever those types can say is read and kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import ParseError
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS, GET_DOCUMENT
from airflow_provider_xai_collections.api.protocol import Endpoint, Response
from airflow_provider_xai_collections.emulator import Emulator, Settings
from tests.support.caller import Caller

from .calls import WORDS, Words, send_all
from .checked import CHECKED
from .differences import NOT_OURS
from .generating import answers
from .kinds import of_another_kind
from .published import Json, message, parse, spell
from .translating import as_rest, published

BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
ANSWERED = [name for name, checked in CHECKED.items() if checked.answer]


def kept(endpoint: Endpoint[Any], said: Json) -> Message:
    """Return the answer as the client reads it, written again."""
    answer = endpoint.decode(Response(200, {}, json.dumps(said).encode()))
    kind = message(str(CHECKED[endpoint.name].answer))
    return parse(kind.full_name, published(json.loads(answer.model_dump_json(exclude_none=True)), kind))


def lost(said: Json, kept: Json, kind: Descriptor) -> Iterator[str]:
    """Yield the fields of a message whose values another message lacks or has otherwise."""
    for name, value in said.items():
        inner, twin = kind.fields_by_name[name].message_type, kept.get(name)
        if isinstance(value, list) and inner is not None:
            for one, other in zip(value, twin or [{}] * len(value), strict=True):
                yield from lost(one, other, inner)
        elif isinstance(value, dict) and inner is not None and not inner.GetOptions().map_entry:
            yield from lost(value, twin or {}, inner)
        elif value and not (
            math.isclose(value, twin or 0, rel_tol=1e-6) if isinstance(value, float) else value == twin
        ):
            yield f"{kind.full_name}.{name}"


#: Apart from the switches for arrays and the ends of lists.
SWITCHES = st.fixed_dictionaries(
    {
        "last_indexed_at_null": st.booleans(),
        "direct_upload_answer": st.sampled_from(["document", "empty"]),
        "fail_names": st.sampled_from([(), ("*",)]),
    }
)


@pytest.mark.parametrize("empty_arrays", ["list", "null", "absent"])
@pytest.mark.parametrize("end", ["absent", "empty", "always", "repeat", "first_page"])
@given(switches=SWITCHES, words=WORDS)
@settings(max_examples=8)
def test_the_emulator_answers_as_xai_would(empty_arrays: Any, end: Any, switches: Any, words: Words) -> None:
    # ``unknown_status_word`` is left alone: a word that xAI's types do not have is what it is for.
    chosen = Settings(empty_arrays=empty_arrays, pagination_end=end, files_pagination_end=end, **switches)
    replies = send_all(Caller(Emulator(chosen)), words)
    assert replies.keys() == CHECKED.keys()
    for name, reply in replies.items():
        endpoint = BY_NAME[name]
        assert reply.status == 200, (name, reply.body)
        assert reply.headers["cf-ray"]
        endpoint.decode(Response(reply.status, reply.headers, reply.body))
        if name in ANSWERED:
            kind = message(str(CHECKED[name].answer))
            assert [*of_another_kind(reply.json(), kind)] == [], name
            said = parse(kind.full_name, published(reply.json(), kind))
            for again in (kept(endpoint, reply.json()), kept(endpoint, as_rest(spell(said), kind))):
                assert [*lost(spell(said), spell(again), kind), *lost(spell(again), spell(said), kind)] == [], name


def test_a_document_is_one_of_xais_in_every_state() -> None:
    caller = Caller(Emulator(Settings(indexing="reads:1", fail_names=("bad",))))
    collection_id, seen = caller.collection(), set()
    for file_id in (caller.file("good"), caller.file("bad")):
        caller.attach(collection_id, file_id)
        for _ in DocumentStatus:
            reply = caller.send(GET_DOCUMENT, collection_id=collection_id, file_id=file_id)
            seen.add(spell(parse("collections.DocumentMetadata", reply.json()))["status"])
    assert seen == set(DocumentStatus) - {DocumentStatus.UNKNOWN}


@pytest.mark.parametrize("name", ANSWERED)
@given(data=st.data(), defaults=st.booleans())
@settings(max_examples=30)
def test_what_xais_types_can_say_is_read_and_nothing_of_it_lost(name: str, data: st.DataObject, defaults: bool) -> None:
    kind = message(str(CHECKED[name].answer))
    said = parse(kind.full_name, data.draw(answers(kind)))
    # Protobuf's JSON may have what is empty, or leave it out.
    answer = as_rest(spell(said, defaults=defaults), kind)
    assert [*of_another_kind(answer, kind)] == []
    again = kept(BY_NAME[name], answer)
    assert set(lost(spell(said), spell(again), kind)) <= NOT_OURS.keys()


@pytest.mark.parametrize(
    ("name", "answer", "strange"),
    [
        ("get_file", {"created_at": "2026-01-02T03:04:05Z"}, "xai_api.File.created_at"),
        ("get_file", {"expires_at": "2026-01-02T03:04:05Z"}, "xai_api.File.expires_at"),
        ("get_file", {"created_at": 1_700_000_000.5}, "xai_api.File.created_at"),
        ("get_file", {"bytes": "22"}, "xai_api.File.size"),
        ("get_file", {"bytes": True}, "xai_api.File.size"),
        ("list_files", {"data": [{"bytes": 22}, {"bytes": "22"}]}, "xai_api.File.size"),
        ("list_files", {"data": {"id": "file_1"}}, "xai_api.ListFilesResponse.data"),
        ("list_files", {"data": ["file_1"]}, "xai_api.ListFilesResponse.data"),
        ("get_document", {"file_metadata": {"size_bytes": 22}}, "collections.FileMetadata.size_bytes"),
        ("get_document", {"file_metadata": {"created_at": 1_700_000_000}}, "collections.FileMetadata.created_at"),
        ("get_document", {"file_metadata": {"expires_at": 1_700_000_000}}, "collections.FileMetadata.expires_at"),
        ("get_document", {"last_indexed_at": 1_700_000_000}, "collections.DocumentMetadata.last_indexed_at"),
        ("get_document", {"chunk_count": "1"}, "collections.DocumentMetadata.chunk_count"),
        ("get_document", {"chunks_processed_count": 1}, "collections.DocumentMetadata.chunks_processed_count"),
        ("get_document", {"status": 2}, "collections.DocumentMetadata.status"),
        ("get_document", {"fields": {"year": 1851}}, "collections.DocumentMetadata.fields"),
        ("get_document", {"fields": []}, "collections.DocumentMetadata.fields"),
        ("get_collection", {"created_at": 1_700_000_000}, "collections.CollectionMetadata.created_at"),
        ("get_collection", {"documents_count": "1"}, "collections.CollectionMetadata.documents_count"),
        ("get_collection", {"total_file_size": 1}, "collections.CollectionMetadata.total_file_size"),
        ("delete_file", {"deleted": "true"}, "xai_api.DeleteFileResponse.deleted"),
        ("search_documents", {"matches": [{"score": "0.5"}]}, "xai_api.SearchMatch.score"),
    ],
)
def test_another_kind_of_value_than_rest_writes_is_noticed(name: str, answer: Json, strange: str) -> None:
    assert [*of_another_kind(answer, message(str(CHECKED[name].answer)))] == [strange]


@pytest.mark.parametrize("name", ["collections.FileMetadata", "collections.CollectionMetadata"])
def test_seconds_where_rest_writes_text_are_no_message(name: str) -> None:
    with pytest.raises(ParseError):
        parse(name, published({"created_at": 1_700_000_000}, message(name)))


def test_a_time_may_be_finer_than_ours() -> None:
    said = {"file_metadata": {"file_id": "f", "created_at": "2026-01-02T03:04:05.123456789Z"}}
    spelt = spell(parse("collections.DocumentMetadata", said))
    assert str(GET_DOCUMENT.decode(Response(200, {}, json.dumps(spelt).encode())).file_metadata.created_at) == (
        "2026-01-02 03:04:05.123456+00:00"
    )
