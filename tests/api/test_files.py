from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import (
    DELETE_FILE,
    GET_FILE,
    LIST_FILES,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.files import MAX_FILENAME_LENGTH, check_filename
from airflow_provider_xai_collections.api.protocol import Response, Upload
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIResponseError


def an_upload(filename: str = "a.txt") -> Upload:
    return Upload(filename, io.BytesIO, size=3)


@pytest.mark.parametrize("name", ["a", "Überblick 2024.pdf", "a/b.txt", "数.md", "x" * MAX_FILENAME_LENGTH])
def test_a_good_name_is_returned_as_it_is(name: str) -> None:
    assert check_filename(name) == name


@pytest.mark.parametrize(
    "name",
    ['a"b', "a;b", "a\\b", "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "not text \udce9"],
)
def test_a_name_the_service_refuses_is_refused_here(name: str) -> None:
    with pytest.raises(ValueError, match="which xAI refuses: rename it") as caught:
        check_filename(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["", "x" * (MAX_FILENAME_LENGTH + 1)])
def test_a_name_of_impossible_length_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"1 to 255 characters, this one {len(name)}"):
        check_filename(name)


def test_an_upload_checks_the_name_of_its_file() -> None:
    with pytest.raises(XAIArgumentError, match="upload_file: upload: the file name 'a;b' contains ';'"):
        UPLOAD_FILE.request(upload=an_upload("a;b"))


def test_expiry_comes_before_purpose() -> None:
    request = UPLOAD_FILE.request(upload=an_upload(), purpose="assistants", expires_after=3600)
    assert request.form == (("expires_after", "3600"), ("purpose", "assistants"))
    assert request.upload == an_upload()
    assert str(request) == "upload_file(a.txt)"


@pytest.mark.parametrize("seconds", [3599, 2_592_001])
def test_an_impossible_expiry_is_refused(seconds: int) -> None:
    with pytest.raises(XAIArgumentError, match="upload_file: expires_after: "):
        UPLOAD_FILE.request(upload=an_upload(), expires_after=seconds)


def test_the_one_call_upload_names_its_collection_and_sends_fields_as_json() -> None:
    request = UPLOAD_DOCUMENT.request(
        collection_id="c", name="a.txt", content_type="text/plain", fields={"k": "v"}, upload=an_upload()
    )
    assert request.path == "/v1/collections/c/documents"
    assert request.form == (("name", "a.txt"), ("content_type", "text/plain"), ("fields", '{"k": "v"}'))
    assert str(request) == "upload_document(c)"


def decoded(endpoint: Any, body: bytes) -> Any:
    return endpoint.decode(Response(200, {}, body))


def test_a_file_is_read_with_its_unix_times() -> None:
    file = decoded(
        GET_FILE,
        b'{"id": "file_1", "object": "file", "bytes": 12, "created_at": 1700000000, "expires_at": null,'
        b' "filename": "a.txt", "purpose": ""}',
    )
    assert (file.id, file.bytes, file.filename) == ("file_1", 12, "a.txt")
    assert file.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert file.expires_at is None


def test_a_list_of_files_is_read() -> None:
    page = decoded(LIST_FILES, b'{"data": [{"id": "f"}], "pagination_token": "t"}')
    assert ([file.id for file in page.items], page.pagination_token) == (["f"], "t")


def test_a_deleted_file_is_read() -> None:
    assert decoded(DELETE_FILE, b'{"id": "f", "deleted": true}').deleted is True


def test_a_list_of_something_else_is_not_a_list_of_files() -> None:
    with pytest.raises(XAIResponseError, match="list_files: the answer is not a FilePage: none of the fields data"):
        decoded(LIST_FILES, b'{"documents": []}')
