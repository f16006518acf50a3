from __future__ import annotations

import json
import re
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    GET_COLLECTION,
    GET_FILE,
    UPLOAD_DOCUMENT,
)
from airflow_provider_xai_collections.api.errors import error_from, is_rate_limit
from airflow_provider_xai_collections.api.protocol import Request, Response, Upload
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
    XAICreditsError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIServerError,
    XAIStatusError,
    XAITooLargeError,
    XAIUnroutableError,
)

GET = GET_COLLECTION.request(collection_id="collection_42")
ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f")
FILE = GET_FILE.request(file_id="file_1")
UPLOAD = UPLOAD_DOCUMENT.request(
    collection_id="c",
    name="a.txt",
    upload=Upload("a.txt", open, 1),  # type: ignore[arg-type]  # nobody opens it
)


def error(status: int, body: Any = b"", request: Request[Any] = GET, **headers: str) -> XAIStatusError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
    found = error_from(request, response)
    assert found is not None
    return found


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_no_error(status: int) -> None:
    assert error_from(GET, Response(status, {}, b"")) is None


CREDITS = "Add credits or raise the spending limit in xAI's console (https://console.x.ai), then run it again"
GATEWAY = "Check the host in the connection: a gateway there may not route this call"
LEAVING = "redirected, which is refused because a key must not leave its host"
OTHER_KEY = "check that it is valid and not swapped with the"


@pytest.mark.parametrize(
    ("statuses", "request_", "kind", "what", "next_step"),
    [
        ([301, 302, 307], GET, XAIStatusError, LEAVING, "Check the host in the connection"),
        ([400, 422], GET, XAIInvalidRequestError, "the service refused the request", "Correct the request"),
        ([401], GET, XAIAuthError, "the key was refused", f"This call needs the management key; {OTHER_KEY} API key"),
        ([401], FILE, XAIAuthError, "the key was refused", f"This call needs the API key; {OTHER_KEY} management key"),
        ([402], GET, XAICreditsError, "the team has no credits left, or reached its spending limit", CREDITS),
        ([403], GET, XAIAuthError, "the key was refused", "Give the management key the permission for the endpoint"),
        ([403], ADD, XAIAuthError, "the key was refused", "Give the management key the permission for AddFileToColle"),
        ([403], FILE, XAIAuthError, "the key was refused", "Give the API key the permission for files and search"),
        ([404], GET, XAINotFoundError, "does not exist", "Check the id"),
        ([405], GET, XAIUnroutableError, "a gateway, or xAI's edge, does not accept this call", GATEWAY),
        ([409], ADD, XAIConflictError, "clashes with what exists", "See what is there"),
        ([413, 414], GET, XAITooLargeError, "too large for the service", "Send less at once"),
        ([429], GET, XAIRateLimitError, "too many requests", "Try again later, with fewer calls at a time"),
        (
            [408, 500, 502, 503, 504, 529],
            GET,
            XAIServerError,
            "the service failed",
            "Try again later; if it lasts, give",
        ),
    ],
)
def test_each_status_has_its_class_and_says_what_it_is_and_what_to_do(
    statuses: list[int], request_: Request[Any], kind: type[XAIStatusError], what: str, next_step: str
) -> None:
    for status in statuses:
        found = error(status, request=request_, x_request_id="r")
        assert type(found) is kind
        assert found.status == status
        assert str(found).startswith(f"{request_}: {what} ({status}, request r). {next_step}")


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


def test_a_message_names_endpoint_id_status_request_and_next_step() -> None:
    found = error(404, {"code": "not-found", "error": "no such collection"}, x_request_id="req_7", retry_after="7")
    assert str(found) == (
        "get_collection(collection_42): does not exist (404 not-found, request req_7). "
        'the service says: "no such collection". Check the id, and that the key belongs to the team that owns it'
    )
    assert (found.status, found.code, found.request_id, found.retry_after) == (404, "not-found", "req_7", "7")


@pytest.mark.parametrize(
    "text", ["Incorrect API key provided: xai-ab***yz.", "Invalid API key", "invalid bearer token"]
)
def test_a_wrong_key_may_come_as_400(text: str) -> None:
    for body in ({"error": text}, {"error": {"message": text}}):
        found = error(400, body)
        assert type(found) is XAIAuthError
        assert f"{OTHER_KEY} API key" in str(found)
        assert "xai-ab" not in str(found)


# Reasons, as the service writes them for machines


EMPTY_NAME = "collection_name: Field is empty but must not be empty. [WKE=form-invalid:not-empty:collection_name]\n"


def test_the_reason_at_the_end_of_a_text_is_read_and_shown_once() -> None:
    found = error(400, {"code": 3, "message": EMPTY_NAME, "details": []}, cf_ray="8f3a")
    assert type(found) is XAIInvalidRequestError
    assert (found.reason, found.request_id) == ("form-invalid:not-empty:collection_name", "8f3a")
    assert str(found) == (
        "get_collection(collection_42): the service refused the request "
        "(400 3, form-invalid:not-empty:collection_name, cf-ray 8f3a). the service says: "
        '"collection_name: Field is empty but must not be empty.". Correct the request; to send it again as it is will '
        "not help"
    )


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("no [WKE=a:b]", "a:b", "no"),
        ("x" * 5000 + " [WKE=a:b]", "a:b", "x" * 299 + "…"),
        ("[WKE=a:b]", "a:b", ""),
        ("[WKE=a:b] [WKE=c:d] ", "c:d", "[WKE=a:b]"),
        ("no [WKE=]", None, "no"),
        ("no [WKE=a:b", None, "no [WKE=a:b"),
        ("no [WKE=a:b] more", None, "no [WKE=a:b] more"),
        ("no", None, "no"),
    ],
)
@pytest.mark.parametrize("shape", ["plain", "flat", "nested"])
def test_a_reason_is_what_stands_at_the_end_in_its_brackets(
    text: str, reason: str | None, said: str, shape: str
) -> None:
    body = {"plain": text.encode(), "flat": {"code": 3, "message": text}, "nested": {"error": {"message": text}}}[shape]
    found = error(400, body)
    assert found.reason == reason
    assert (f'the service says: "{said}"' if said else "(400") in str(found)
    assert ("the service says" in str(found)) == bool(said)


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429])
@pytest.mark.parametrize(
    ("reason", "kind", "next_step"),
    [
        ("unauthenticated:bad-credentials", XAIAuthError, "This call needs the management key; check that it is valid"),
        ("file:too-large", XAITooLargeError, "Send less at once"),
        ("file:storage-exhausted", XAIInvalidRequestError, "The team's storage is full: delete files that nobody"),
    ],
)
def test_a_reason_says_more_than_the_status(
    status: int, reason: str, kind: type[XAIStatusError], next_step: str
) -> None:
    for field in ("", ":some_field"):
        found = error(status, {"code": 3, "message": f"No. [WKE={reason}{field}]"})
        assert type(found) is kind
        assert f'the service says: "No.". {next_step}' in str(found)
    assert type(error(status, {"code": 3, "message": f"No. [WKE={reason}-not]"})) is type(error(status))


# Out of credits

NO_CREDITS = (
    "Your team 00000006-0000-4000-8000-000000000006 has either used all available credits or reached its monthly "
    "spending limit. To continue making API requests, please purchase more credits or raise your spending limit."
)
OUT_OF_CREDITS: list[tuple[int, Any]] = [
    (429, {"code": 8, "message": NO_CREDITS, "details": []}),
    (429, {"code": "Some resource has been exhausted", "error": NO_CREDITS}),
    (403, {"code": "permission-denied", "error": NO_CREDITS}),
    (402, b""),
]


@pytest.mark.parametrize(("status", "body"), OUT_OF_CREDITS)
@pytest.mark.parametrize("request_", [GET, FILE])
def test_a_team_without_credits_is_told_so_and_where_to_add_some(
    status: int, body: Any, request_: Request[Any]
) -> None:
    found = error(status, body, request_, cf_ray="8f3a")
    assert type(found) is XAICreditsError
    message = str(found)
    assert message.startswith(f"{request_}: the team has no credits left, or reached its spending limit ({status}")
    assert f'the service says: "{NO_CREDITS}"' in message or not body
    assert message.endswith(f"{CREDITS} (in Airflow: clear the task)")
    for wrong in ("too many requests", "permission for", "fewer calls"):
        assert wrong not in message


def test_advice_to_buy_more_is_not_yet_out_of_credits() -> None:
    text = "Too many requests for your tier. Purchase more credits or raise your spending limit to reach the next one."
    assert type(error(429, {"code": 8, "message": text})) is XAIRateLimitError


@pytest.mark.parametrize(
    ("status", "body", "is_one"),
    [
        (429, b"", True),
        (429, {"code": 8, "message": "Too many requests"}, True),
        *((status, body, False) for status, body in OUT_OF_CREDITS),
        (429, {"code": 8, "message": "No room. [WKE=file:storage-exhausted]"}, False),
        (503, b"", False),
        (200, b"{}", False),
    ],
)
def test_only_what_slower_requests_avoid_is_a_rate_limit(status: int, body: Any, is_one: bool) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert is_rate_limit(Response(status, {}, raw)) is is_one


# A way that does not take the call

CITY = 'header key "cf-ipcity" contains value with non-printable ASCII characters'
UNROUTABLE = r"a gateway, or xAI's edge, does not accept this call \(500.*It depends on where the call comes from"


@pytest.mark.parametrize("request_", [UPLOAD, GET])
@pytest.mark.parametrize("body", [{"code": 13, "message": CITY}, {"error": CITY}, CITY.encode()])
def test_an_edge_that_does_not_take_the_call_is_told_with_the_way_out(request_: Request[Any], body: Any) -> None:
    found = error(500, body, request_)
    assert type(found) is XAIUnroutableError
    assert re.match(f"{re.escape(str(request_))}: {UNROUTABLE}", str(found))


@pytest.mark.parametrize(
    ("status", "text"), [(503, CITY), (503, NO_CREDITS), (500, "see cf-ray 8f3a"), (500, "Failed to create a file")]
)
def test_other_failures_of_the_service_may_pass(status: int, text: str) -> None:
    assert type(error(status, {"code": 13, "message": text})) is XAIServerError


def test_keys_are_masked_in_whatever_an_answer_says() -> None:
    key = "xai-" + "k" * 40
    found = error(400, {"code": key, "message": f"no {key}. [WKE={key}]"}, x_request_id=key)
    for text in (str(found), found.code, found.reason, found.request_id):
        assert text is not None
        assert "xai-***" in text
        assert "kkk" not in text
