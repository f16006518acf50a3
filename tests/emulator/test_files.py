"""Files: uploaded, listed, expired, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator import Emulator, Settings
from tests.support.caller import Caller, Clock, message_of, upload


def playing(clock: Clock | None = None, **settings: Any) -> Caller:
    return Caller(Emulator(Settings(**settings), clock=clock or Clock()))


def multipart(*parts: bytes) -> dict[str, Any]:
    body = b"".join(b"--frontier\r\n" + part + b"\r\n" for part in parts) + b"--frontier--\r\n"
    return {"body": body, "content_type": "multipart/form-data; boundary=frontier", "host": Host.API}


FILE = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nwhales'


def test_an_uploaded_file(clock: Clock) -> None:
    caller = playing(clock)
    reply = caller.send(
        endpoints.UPLOAD_FILE, upload=upload("Ä.txt", b"12345"), purpose="assistants", expires_after=3600
    )
    shape = reply.json()
    assert shape.pop("id").startswith("file_")
    assert shape == {
        "object": "file",
        "bytes": 5,
        "created_at": 1_700_000_000,
        "expires_at": 1_700_003_600,
        "filename": "Ä.txt",
        "purpose": "",
    }


def test_every_upload_is_a_new_file(caller: Caller) -> None:
    assert caller.file() != caller.file()


@pytest.mark.parametrize("status", [400, 403, 429])
def test_a_team_may_have_no_room_for_another_file(status: Any) -> None:
    caller = playing(max_files=2, full_status=status)
    first = caller.file("a.txt")
    caller.file("b.txt")
    refused = caller.refused(endpoints.UPLOAD_FILE, upload=upload("c.txt"))
    assert refused == (status, "the team has 2 files, and no room for another")
    caller.call(endpoints.DELETE_FILE, file_id=first)
    caller.file("c.txt")


def test_any_bytes_survive_the_upload(caller: Caller) -> None:
    content = b"\r\n--frontier\r\n\x00\xff\r\n"
    file_id = caller.file("b.bin", content)
    assert caller.call(endpoints.GET_FILE, file_id=file_id).bytes == len(content)


def test_files_expire_and_take_their_documents_along(clock: Clock) -> None:
    caller = playing(clock)
    collection_id, file_id = caller.collection(), caller.file(expires_after=3600)
    caller.attach(collection_id, file_id)
    assert caller.document(collection_id, file_id).file_metadata.expires_at is not None
    clock.now += 3600
    assert caller.refused(endpoints.GET_FILE, file_id=file_id)[0] == 404
    assert caller.refused(endpoints.GET_DOCUMENT, collection_id=collection_id, file_id=file_id)[0] == 404
    assert caller.found("whales", collection_id) == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([FILE, b'Content-Disposition: form-data; name="expires_after"\r\n\r\n3600'], "must come before the file"),
        ([b'Content-Disposition: form-data; name="expires_after"\r\n\r\n60', FILE], "greater than or equal to 3600"),
        ([b'Content-Disposition: form-data; name="colour"\r\n\r\nblue', FILE], "colour: Extra inputs"),
        ([b'Content-Disposition: form-data; name="purpose"\r\n\r\nx'], "upload: Field required"),
        ([b'Content-Disposition: form-data; name="file"\r\n\r\nwhales'], "1 to 255 characters"),
        ([FILE.replace(b"a.txt", b"a;b.txt")], "contains ';'"),
        ([FILE.replace(b"a.txt", b'a\\"b.txt')], "contains '\"'"),
        ([FILE.replace(b"a.txt", b"a\x01.txt")], "contains '\\x01'"),
        ([FILE.replace(b"a.txt", "a\u2028.txt".encode())], "contains '\\u2028'"),
        ([FILE.replace(b"a.txt", b"a" * 256)], "1 to 255 characters"),
        ([b"Content-Disposition: form-data\r\n\r\nx"], "has no name"),
        ([b"\r\n\r\nx"], "has no name"),
    ],
)
def test_wrong_uploads(caller: Caller, parts: list[bytes], message: str) -> None:
    reply = caller.raw("POST", "/v1/files", **multipart(*parts))
    assert reply.status == 400
    assert message in message_of(reply)
    assert caller.call(endpoints.LIST_FILES).data == ()


def test_bodies_that_are_not_multipart(caller: Caller) -> None:
    assert caller.raw("POST", "/v1/files", b"{}", host=Host.API).status == 400
    broken = {**multipart(FILE), "body": b"--frontier\r\n" + FILE}
    assert caller.raw("POST", "/v1/files", **broken).status == 400


def test_fields_of_the_one_call_upload_are_json(caller: Caller) -> None:
    path = f"/v1/collections/{caller.collection()}/documents"
    data = FILE.replace(b'"file"', b'"data"')
    name = b'Content-Disposition: form-data; name="name"\r\n\r\na.txt'
    parts = multipart(name, b'Content-Disposition: form-data; name="fields"\r\n\r\n{year', data)
    reply = caller.raw("POST", path, **{**parts, "host": Host.MANAGEMENT})
    assert reply.status == 400
    assert "fields: not JSON" in message_of(reply)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (b"abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ],
)
def test_the_hash_of_a_file_is_blake3(caller: Caller, content: bytes, expected: str) -> None:
    collection_id, file_id = caller.collection(), caller.file(content=content)
    caller.attach(collection_id, file_id)
    assert caller.document(collection_id, file_id).file_metadata.hash == expected


def test_files_have_a_size_limit() -> None:
    caller = playing(max_file_bytes=4)
    assert caller.refused(endpoints.UPLOAD_FILE, upload=upload("a.txt", b"12345"))[0] == 413
    assert caller.file(content=b"1234")


def test_empty_files_may_be_refused() -> None:
    caller = playing(empty_file="refuse")
    assert caller.refused(endpoints.UPLOAD_FILE, upload=upload("a.txt", b"")) == (400, "a.txt is empty")
    caller = playing()
    collection_id, file_id = caller.collection(), caller.file(content=b"")
    caller.attach(collection_id, file_id)
    assert caller.status(collection_id, file_id) == "PROCESSED"


def test_deleting_twice_is_404(caller: Caller) -> None:
    file_id = caller.file()
    assert caller.send(endpoints.DELETE_FILE, file_id=file_id).json() == {
        "id": file_id,
        "deleted": True,
        "object": "file",
    }
    assert caller.refused(endpoints.DELETE_FILE, file_id=file_id) == (404, f"file {file_id} not found")


def test_deleting_an_attached_file_has_two_answers(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    caller.call(endpoints.DELETE_FILE, file_id=file_id)
    assert caller.call(endpoints.GET_COLLECTION, collection_id=collection_id).documents_count == 0
    caller = playing(delete_attached_file="refuse")
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    assert caller.refused(endpoints.DELETE_FILE, file_id=file_id)[0] == 409
    caller.call(endpoints.REMOVE_DOCUMENT, collection_id=collection_id, file_id=file_id)
    caller.call(endpoints.DELETE_FILE, file_id=file_id)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["c", "b", "a"]),
        ({"order": "asc"}, ["a", "b", "c"]),
        ({"order": "ORDERING_ASCENDING", "sort_by": "FILES_SORT_BY_SIZE"}, ["c", "b", "a"]),
        ({"order": "DESCENDING", "sort_by": "FILES_SORT_BY_FILENAME"}, ["c", "b", "a"]),
    ],
)
def test_lists(clock: Clock, query: dict[str, str], expected: list[str]) -> None:
    caller = playing(clock)
    for name, content in (("a", b"123"), ("b", b"12"), ("c", b"1")):
        caller.file(name, content)
        clock.now += 1
    assert [file.filename for file in caller.call(endpoints.LIST_FILES, **query).data] == expected


def test_the_order_of_files_that_nobody_asked_for() -> None:
    for order, expected in (("descending", ["b", "a"]), ("ascending", ["a", "b"])):
        clock = Clock()
        caller = playing(clock, files_order=order)
        caller.file("a")
        clock.now += 1
        caller.file("b")
        assert [file.filename for file in caller.call(endpoints.LIST_FILES).data] == expected
        asked = caller.call(endpoints.LIST_FILES, order="ORDERING_DESCENDING")
        assert [file.filename for file in asked.data] == ["b", "a"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ('content_type = "text/plain"', {"a.txt", "b.txt"}),
        ('content_type != "text/plain"', {"c.html"}),
        ('name = "a.txt"', {"a.txt"}),
        ('file_name = "a"', set()),
        ("size_bytes > 1 AND size_bytes <= 12", {"b.txt"}),
        ('created_at >= "2023-11-14T22:13:21Z"', {"b.txt", "c.html"}),
        ('expires_at < "2023-11-15T00:00:00Z"', {"b.txt"}),
        ("expires_at = null", {"a.txt", "c.html"}),
        ("expires_at != null", {"b.txt"}),
        ("public_url != null OR public_url_expires_at != null OR user_defined_id != null", set()),
        ('upload_status = "Complete" AND user_defined_id = null', {"a.txt", "b.txt", "c.html"}),
        ('NOT name = "a.txt"', {"b.txt", "c.html"}),
        ('NOT (name = "a.txt" OR size_bytes = 12)', {"c.html"}),
        ('name = "a.txt" OR name = "c.html"', {"a.txt", "c.html"}),
        ('NOT NOT name = "null"', set()),
    ],
)
def test_filters(clock: Clock, wanted: str, expected: set[str]) -> None:
    caller = playing(clock)
    for name, content, until in (("a.txt", b"1", None), ("b.txt", b"1" * 12, 3600), ("c.html", b"<html>" * 4, None)):
        caller.file(name, content, expires_after=until)
        clock.now += 1
    assert {file.filename for file in caller.call(endpoints.LIST_FILES, filter=wanted).data} == expected


def test_a_filter_by_id(caller: Caller) -> None:
    file_id, _ = caller.file(), caller.file()
    (found,) = caller.call(endpoints.LIST_FILES, filter=f'file_id = "{file_id}"').data
    assert found.id == file_id


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("purpose = null", "filter: unknown field purpose before character 15"),
        ("NOT colour = blue", "filter: unknown field colour before character 18"),
        ("expires_at > null", "filter: expires_at cannot be compared with null by > at character 18"),
        ("NOT", "filter: expected the name of a field at character 4"),
    ],
)
def test_wrong_filters(caller: Caller, wanted: str, message: str) -> None:
    assert caller.refused(endpoints.LIST_FILES, filter=wanted) == (400, message)


def test_the_content_of_a_file(caller: Caller) -> None:
    content = b"\x00 any bytes \xff"
    file_id = caller.file("a.bin", content)
    reply = caller.raw("GET", f"/v1/files/{file_id}/content", host=Host.API)
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/octet-stream", content)
    assert "traceparent" not in reply.headers
    assert caller.raw("GET", "/v1/files/file_0/content", host=Host.API).status == 404
