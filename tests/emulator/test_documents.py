"""Documents: attached, read, listed, indexed again, detached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, Settings
from tests.support.caller import Caller, declared, message_of, upload


def playing(**settings: Any) -> Caller:
    return Caller(Emulator(Settings(**settings)))


def test_an_attached_file_is_a_document(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=declared("year"))
    file_id = caller.file("moby.txt", b"call me Ishmael")
    caller.attach(collection_id, file_id, year="1851")
    shape = caller.send(endpoints.GET_DOCUMENT, collection_id=collection_id, file_id=file_id).json()
    assert shape["file_metadata"]["size_bytes"] == "15"
    assert len(shape["file_metadata"]["hash"]) == 64
    assert shape["file_metadata"]["content_type"] == "text/plain"
    assert shape["status"] == "DOCUMENT_STATUS_PROCESSED"
    assert (shape["chunk_count"], shape["chunks_processed_count"]) == (1, "1")
    assert shape["fields"] == {"year": "1851"}
    assert "error_message" not in shape
    said = ("upload_status", "processing_status", "file_path")
    assert [shape["file_metadata"][name] for name in said] == ["Complete", "Complete", ""]
    assert shape["last_indexed_at"].endswith("Z")


def test_last_indexed_at_may_stay_null() -> None:
    caller = playing(last_indexed_at_null=True)
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    assert caller.document(collection_id, file_id).last_indexed_at is None
    assert caller.status(collection_id, file_id) == "PROCESSED"


def test_what_is_not_there_is_404(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    unknown = {"collection_id": "collection_0", "file_id": file_id}
    loose = {"collection_id": collection_id, "file_id": file_id}
    for endpoint in (endpoints.GET_DOCUMENT, endpoints.REINDEX_DOCUMENT, endpoints.REMOVE_DOCUMENT):
        assert caller.refused(endpoint, **unknown) == (404, "collection collection_0 not found")
        assert caller.refused(endpoint, **loose) == (404, f"file {file_id} is not in collection {collection_id}")
    assert caller.refused(endpoints.ADD_DOCUMENT, **unknown)[0] == 404
    missing = {"collection_id": collection_id, "file_id": "file_0"}
    assert caller.refused(endpoints.ADD_DOCUMENT, **missing) == (404, "file file_0 not found")
    assert caller.refused(endpoints.LIST_DOCUMENTS, collection_id="collection_0")[0] == 404


def test_attaching_twice_has_two_answers(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    assert caller.refused(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=file_id)[0] == 409
    caller = playing(attach_twice="ok")
    collection_id, file_id = caller.collection(field_definitions=declared("year")), caller.file()
    caller.attach(collection_id, file_id, year="1851")
    caller.attach(collection_id, file_id, year="1902")
    assert caller.document(collection_id, file_id).fields == {"year": "1851"}


def test_attaching_needs_no_body_but_the_right_types(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    path = f"/v1/collections/{collection_id}/documents/{file_id}"
    for body in (b'{"fields": {"year": 1851}}', b'{"file_id": "file_0"}'):
        assert caller.raw("POST", path, body).status == 400
    assert caller.raw("POST", path, query=(("team_id", "t"),)).json() == {}


@pytest.mark.parametrize("one_call", [False, True])
@pytest.mark.parametrize(
    ("choice", "status", "kept"),
    [
        ("refuse", 400, None),
        ("drop", 200, {"year": "1851"}),
        ("keep", 200, {"year": "1851", "b": "1", "a": "2"}),
    ],
)
def test_fields_that_nobody_declared(choice: Any, status: int, kept: dict[str, str] | None, one_call: bool) -> None:
    caller = playing(undeclared_fields=choice)
    collection_id = caller.collection(field_definitions=declared("year"))
    one = {"collection_id": collection_id, "fields": {"year": "1851", "b": "1", "a": "2"}}
    if one_call:
        reply = caller.send(endpoints.UPLOAD_DOCUMENT, **one, name="a.txt", upload=upload("a.txt"))
    else:
        reply = caller.send(endpoints.ADD_DOCUMENT, **one, file_id=caller.file())
    documents = caller.call(endpoints.LIST_DOCUMENTS, collection_id=collection_id).documents
    assert (reply.status, [document.fields for document in documents]) == (status, [] if kept is None else [kept])
    if status == 400:
        assert message_of(reply) == (
            'Unknown field "b": it is not in the collection\'s field_definitions; '
            'Unknown field "a": it is not in the collection\'s field_definitions'
        )


def test_a_field_that_was_declared_later_is_taken(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    one = {"collection_id": collection_id, "file_id": file_id, "fields": {"year": "1851"}}
    assert caller.refused(endpoints.ADD_DOCUMENT, **one)[0] == 400
    update = {"field_definition": {"key": "year"}, "operation": "FIELD_DEFINITION_ADD"}
    caller.call(endpoints.UPDATE_COLLECTION, collection_id=collection_id, field_definition_updates=[update])
    caller.attach(collection_id, file_id, year="1851")


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("text", [None, "no"])
def test_field_definitions_are_kept(status: Any, text: str | None) -> None:
    caller = playing(required_violation_status=status, unique_violation_status=status, violation_text=text)
    definitions = [{"key": "year", "required": True}, {"key": "isbn", "unique": True}]
    collection_id = caller.collection(field_definitions=definitions)
    one, two = caller.file(), caller.file()
    add = {"collection_id": collection_id, "file_id": one}
    assert caller.refused(endpoints.ADD_DOCUMENT, **add) == (status, text or "fields: year is required")
    caller.attach(collection_id, one, year="1851", isbn="x")
    again = {"collection_id": collection_id, "file_id": two, "fields": {"year": "1902", "isbn": "x"}}
    expected = text or "fields: another document has this value of isbn"
    assert caller.refused(endpoints.ADD_DOCUMENT, **again) == (status, expected)
    caller.attach(collection_id, two, year="1902")
    elsewhere = caller.collection(field_definitions=definitions)
    caller.attach(elsewhere, two, year="1902", isbn="x")


def test_unique_holds_when_many_attach_at_once(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=[{"key": "isbn", "unique": True}])
    files = [caller.file() for _ in range(8)]

    def attach(file_id: str) -> int:
        fields = {"isbn": "x"}
        return caller.send(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=file_id, fields=fields).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(attach, files))
    assert sorted(statuses) == [200, *[409] * 7]


def test_a_detached_file_stays(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    caller.call(endpoints.REMOVE_DOCUMENT, collection_id=collection_id, file_id=file_id)
    assert caller.found("whales", collection_id) == []
    caller.attach(collection_id, file_id)
    assert caller.found("whales", collection_id) == [file_id]


def test_new_chunking_waits_for_a_reindex(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=declared("year"))
    file_id = caller.file(content=b"x" * 100)
    caller.attach(collection_id, file_id, year="1851")
    chunking = {"chars_configuration": {"max_chunk_size_chars": 10, "chunk_overlap_chars": 0}}
    caller.call(endpoints.UPDATE_COLLECTION, collection_id=collection_id, chunk_configuration=chunking)
    assert caller.document(collection_id, file_id).chunk_count == 1
    caller.call(endpoints.REINDEX_DOCUMENT, collection_id=collection_id, file_id=file_id)
    assert caller.document(collection_id, file_id).chunk_count == 10
    assert caller.document(collection_id, file_id).fields == {"year": "1851"}


def test_batch_get_knows_ids_only_once_and_leaves_out_strangers(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    ids = [file_id, file_id, "file_0"]
    page = caller.call(endpoints.BATCH_GET_DOCUMENTS, collection_id=collection_id, file_ids=ids)
    assert [document.file_id for document in page.documents] == [file_id]


def test_batch_get_may_be_strict() -> None:
    caller = playing(batch_get_unknown="error", batch_get_max=2, batch_get_max_status=414)
    collection_id = caller.collection()
    get = endpoints.BATCH_GET_DOCUMENTS
    assert caller.refused(get, collection_id=collection_id, file_ids=["file_0"])[0] == 404
    assert caller.refused(get, collection_id=collection_id, file_ids=["a", "b", "c"]) == (414, "file_ids: at most 2")
    path = f"/v1/collections/{collection_id}/documents:batchGet"
    assert "[WKE=form-invalid:not-empty:file_ids]" in message_of(caller.raw("GET", path))


@pytest.mark.parametrize("status", [400, 404, 405])
def test_batch_get_may_be_refused_as_a_whole(status: Any) -> None:
    caller = playing(batch_get_status=status)
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    one = {"collection_id": collection_id, "file_ids": [file_id]}
    assert caller.refused(endpoints.BATCH_GET_DOCUMENTS, **one)[0] == status
    assert caller.status(collection_id, file_id) == "PROCESSED"


@pytest.fixture
def library(caller: Caller) -> str:
    """A collection of three documents of different size, type and year."""
    collection_id = caller.collection(field_definitions=declared("year", "author"))
    caller.attach(collection_id, caller.file("Moby Dick.txt", b"whale" * 3), year="1851")
    caller.attach(collection_id, caller.file("emma.html", b"<html>Emma"), year="1815")
    caller.attach(collection_id, caller.file("noise.bin", b"\xff\xfe\x00"), author='"X" \\ Y')
    return collection_id


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("status:DOCUMENT_STATUS_PROCESSED", ["emma.html", "Moby Dick.txt"]),
        ("status:!DOCUMENT_STATUS_PROCESSED", ["noise.bin"]),
        ('name:"moby d"', ["Moby Dick.txt"]),
        ("content_type:text/html", ["emma.html"]),
        ("size_bytes:>10", ["Moby Dick.txt"]),
        ("size_bytes <= 10 AND status = DOCUMENT_STATUS_FAILED", ["noise.bin"]),
        ('fields.year:"1815"', ["emma.html"]),
        ('fields.year:"18"', []),
        ("fields.year:!1815", ["Moby Dick.txt"]),
        (r'fields.author:"\"X\" \\ Y"', ["noise.bin"]),
    ],
)
def test_filters(caller: Caller, library: str, wanted: str, expected: list[str]) -> None:
    page = caller.call(endpoints.LIST_DOCUMENTS, collection_id=library, filter=wanted)
    assert [document.name for document in page.documents] == expected


def test_the_deprecated_name_still_filters(caller: Caller, library: str) -> None:
    page = caller.call(endpoints.LIST_DOCUMENTS, collection_id=library, name="Moby")
    assert [document.name for document in page.documents] == ["Moby Dick.txt"]


@pytest.mark.parametrize("sort_by", ["NAME", "SIZE", "AGE"])
def test_orders(caller: Caller, library: str, sort_by: str) -> None:
    expected = {
        "NAME": ["Moby Dick.txt", "emma.html", "noise.bin"],
        "SIZE": ["noise.bin", "emma.html", "Moby Dick.txt"],
        "AGE": ["Moby Dick.txt", "emma.html", "noise.bin"],
    }[sort_by]
    asked = {"collection_id": library, "sort_by": f"DOCUMENTS_SORT_BY_{sort_by}"}
    up = caller.call(endpoints.LIST_DOCUMENTS, order="ORDERING_ASCENDING", **asked)
    down = caller.call(endpoints.LIST_DOCUMENTS, **asked)
    assert [document.name for document in up.documents] == expected
    assert [document.name for document in down.documents] == expected[::-1]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filter": "colour:blue"}, "filter: unknown field colour"),
        ({"filter": "size_bytes:>many"}, "filter: size_bytes is a number, 'many' is not"),
        ({"filter": "name:a OR name:b"}, "filter: expected AND at character 7"),
        ({"limit": "0"}, "limit: Input should be greater than or equal to 1"),
        ({"limit": "101"}, "limit: Input should be less than or equal to 100"),
        ({"page": "2"}, "page: Extra inputs are not permitted"),
        ({"collection_id": "c"}, "collection_id: belongs in the path only"),
    ],
)
def test_a_wrong_query_is_refused(caller: Caller, library: str, query: dict[str, str], message: str) -> None:
    reply = caller.raw("GET", f"/v1/collections/{library}/documents", query=tuple(query.items()))
    assert reply.status == 400
    assert message in message_of(reply)


def test_a_scalar_may_not_be_repeated(caller: Caller, library: str) -> None:
    query = (("limit", "1"), ("limit", "2"))
    assert caller.raw("GET", f"/v1/collections/{library}/documents", query=query).status == 400


def test_uploading_and_attaching_in_one_call(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=declared("year"))
    document = caller.call(
        endpoints.UPLOAD_DOCUMENT,
        collection_id=collection_id,
        name="notes.md",
        content_type="text/x-notes",
        fields={"year": "1851"},
        upload=upload("other.txt"),
    )
    assert document.file_metadata is not None
    stored = caller.document(collection_id, document.file_metadata.file_id)
    assert (stored.name, stored.fields, stored.file_metadata.content_type) == (
        "notes.md",
        {"year": "1851"},
        "text/x-notes",
    )


def upload_in_one_call(caller: Caller) -> HttpReply:
    one = {"collection_id": caller.collection(), "name": "a.txt", "upload": upload("a.txt")}
    return caller.send(endpoints.UPLOAD_DOCUMENT, **one)


def test_the_one_call_upload_has_other_answers() -> None:
    empty = upload_in_one_call(playing(direct_upload_answer="empty"))
    assert (empty.status, empty.json()) == (200, {})
    failed = upload_in_one_call(playing(direct_upload_answer="error"))
    expected = 'header key "cf-ipcity" contains value with non-printable ASCII characters'
    assert (failed.status, message_of(failed)) == (500, expected)


@pytest.mark.parametrize("status", [404, 405])
def test_a_gateway_may_not_know_the_one_call_upload(status: Any) -> None:
    caller = playing(direct_upload_status=status)
    reply = upload_in_one_call(caller)
    assert (reply.status, reply.headers["content-type"], reply.body[:6]) == (status, "text/html", b"<html>")
    assert caller.call(endpoints.LIST_FILES).data == ()
    caller.attach(caller.collection(), caller.file())


def test_a_refused_one_call_upload_leaves_no_file(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=[{"key": "year", "required": True}])
    one = {"collection_id": collection_id, "name": "a.txt", "upload": upload("a.txt")}
    assert caller.refused(endpoints.UPLOAD_DOCUMENT, **one)[0] == 400
    assert caller.call(endpoints.LIST_FILES).data == ()


def test_documents_have_a_size_limit() -> None:
    caller = playing(max_document_bytes=4)
    collection_id, file_id = caller.collection(), caller.file(content=b"12345")
    assert caller.refused(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=file_id)[0] == 413
    one = {"collection_id": collection_id, "name": "a.txt", "upload": upload("a.txt")}
    assert caller.refused(endpoints.UPLOAD_DOCUMENT, **one)[0] == 413
