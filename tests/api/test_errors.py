from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.endpoints import ADD_DOCUMENT, GET_COLLECTION, GET_FILE
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIServerError,
    XAIStatusError,
    XAITooLargeError,
)

GET = GET_COLLECTION.request(collection_id="collection_42")
ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f")
FILE = GET_FILE.request(file_id="file_1")


def error(status: int, body: Any = b"", request: Request[Any] = GET, **headers: str) -> XAIStatusError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
    found = error_from(request, response)
    assert found is not None
    return found


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_no_error(status: int) -> None:
    assert error_from(GET, Response(status, {}, b"")) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, XAIStatusError),
        (307, XAIStatusError),
        (400, XAIInvalidRequestError),
        (401, XAIAuthError),
        (403, XAIAuthError),
        (404, XAINotFoundError),
        (405, XAIInvalidRequestError),
        (408, XAIServerError),
        (409, XAIConflictError),
        (413, XAITooLargeError),
        (414, XAITooLargeError),
        (422, XAIInvalidRequestError),
        (429, XAIRateLimitError),
        (500, XAIServerError),
        (502, XAIServerError),
        (503, XAIServerError),
        (504, XAIServerError),
        (529, XAIServerError),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[XAIStatusError]) -> None:
    found = error(status)
    assert type(found) is kind
    assert found.status == status


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({"code": "invalid-argument", "error": "bad name"}, "invalid-argument", "bad name"),
        ({"error": {"message": "bad name", "code": "E1", "type": "invalid"}}, "E1", "bad name"),
        ({"error": {"message": "bad name"}}, None, "bad name"),
        ({"code": 3, "message": "bad name", "details": []}, "3", "bad name"),
        ({"code": 0, "details": "bad name"}, "0", "bad name"),
        ({"detail": "bad name"}, None, "bad name"),
        (b"bad name", None, "bad name"),
        (b"bad\r\n  name\x00", None, "bad name"),
        (["bad name"], None, '["bad name"]'),
        (b"bad \xff name", None, "bad \N{REPLACEMENT CHARACTER} name"),
    ],
)
def test_code_and_text_are_found_in_every_shape_of_body(body: Any, code: str | None, detail: str) -> None:
    found = error(400, body)
    assert found.code == code
    assert f'(400{f" {code}" if code else ""}, request without id). the service says: "{detail}". ' in str(found)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        ({}, ""),
        ({"code": "", "error": ""}, ""),
        (b"<html><h1>Bad Gateway</h1>", ""),
        (b"\n <!DOCTYPE html>", ""),
        (b"Bad Gateway", "text/html; charset=utf-8"),
    ],
)
def test_an_empty_body_or_the_page_of_a_proxy_says_nothing(body: Any, content_type: str) -> None:
    found = error(502, body, content_type=content_type)
    assert found.code is None
    assert str(found).startswith("get_collection(collection_42): the service failed (502, request without id). Try")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 100_000, b"1" * 10_000])
def test_a_body_that_is_only_depth_or_digits_is_no_obstacle(body: bytes) -> None:
    assert type(error(500, body)) is XAIServerError


def test_a_message_names_endpoint_id_status_request_and_next_step() -> None:
    assert str(error(404, {"code": "not-found", "error": "no such collection"}, x_request_id="req_7")) == (
        "get_collection(collection_42): does not exist (404 not-found, request req_7). "
        'the service says: "no such collection". Check the id, and that the key belongs to the team that owns it'
    )


@pytest.mark.parametrize(
    ("status", "request_", "what", "next_step"),
    [
        (
            302,
            GET,
            "redirected, which is refused because a key must not leave its host",
            "Check the host in the connec",
        ),
        (400, GET, "the service refused the request", "Correct the request"),
        (401, GET, "the key was refused", "This call needs the management key; check that it is valid and not swapped"),
        (401, FILE, "the key was refused", "This call needs the API key; check that it is valid and not swapped"),
        (403, GET, "the key was refused", "Give the management key the permission for the endpoint in xAI's console"),
        (403, ADD, "the key was refused", "Give the management key the permission for AddFileToCollection in xAI's"),
        (403, FILE, "the key was refused", "Give the API key the permission for files and search in xAI's console"),
        (404, GET, "does not exist", "Check the id"),
        (409, ADD, "clashes with what exists", "Look at what is there"),
        (413, GET, "too large for the service", "Send less at once"),
        (429, GET, "too many requests", "Try again later, with fewer calls at a time"),
        (503, GET, "the service failed", "Try again later; if it lasts, give xAI the request id"),
    ],
)
def test_each_error_says_what_it_is_and_what_to_do(
    status: int, request_: Request[Any], what: str, next_step: str
) -> None:
    message = str(error(status, request=request_, x_request_id="r"))
    assert message.startswith(f"{request_}: {what} ({status}, request r). {next_step}")


@pytest.mark.parametrize(
    "text", ["Incorrect API key provided: xai-ab***yz.", "Invalid API key", "invalid bearer token"]
)
@pytest.mark.parametrize("shape", [{"error": "{}"}, {"error": {"message": "{}"}}])
def test_a_wrong_key_may_come_as_400(text: str, shape: dict[str, Any]) -> None:
    found = error(400, json.loads(json.dumps(shape).replace("{}", text)))
    assert type(found) is XAIAuthError
    assert "check that it is valid and not swapped with the API key" in str(found)
    assert "xai-ab" not in str(found)


def test_what_callers_decide_on_is_in_attributes() -> None:
    found = error(429, {"code": "slow-down", "error": "x"}, x_request_id="req_7", retry_after="7")
    assert (found.status, found.code, found.request_id, found.retry_after) == (429, "slow-down", "req_7", "7")
    assert error(429).retry_after is None


KEY = st.from_regex(r"xai-[A-Za-z0-9_]{20,90}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.integers() | st.text() | KEY,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "code", "details"]), inner),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())
BODIES = st.one_of(
    st.binary(),
    JSON,
    st.builds(lambda before, key, after: before + key.encode() + after, st.binary(), KEY, st.binary()),
    st.binary(min_size=1, max_size=3).map(lambda few: few * 5000),
)


@given(
    status=st.integers(300, 599),
    body=BODIES,
    content_type=st.sampled_from(["application/json", "text/plain", "text/html", ""]),
    request_id=st.text(st.characters(max_codepoint=255)) | KEY,
)
def test_any_body_makes_one_bounded_printable_line_without_keys(
    status: int, body: bytes, content_type: str, request_id: str
) -> None:
    found = error(status, body, content_type=content_type, x_request_id=request_id)
    for text in (str(found), found.code or "", found.request_id or ""):
        assert text.isprintable()
        assert len(text) < 1200
        assert not re.search(r"xai-\w{20}", text)
    assert str(found).startswith(f"{GET}: ")
    assert str(status) in str(found)
