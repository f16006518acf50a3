from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Response, Upload

RAY = "8f3a1b2c3d4e5f60-FRA"


def test_a_request_about_what_others_named_reads_as_one_short_line() -> None:
    assert str(GET_COLLECTION.request(collection_id="a\x1b[2J\nb")) == "get_collection(a [2J b)"
    assert len(str(GET_COLLECTION.request(collection_id="c" * 10_000))) < 400


@pytest.mark.parametrize(
    ("headers", "request_id", "text"),
    [
        ({"x-request-id": "req_7"}, "req_7", "request req_7"),
        ({"cf-ray": RAY}, RAY, f"cf-ray {RAY}"),
        ({"x-request-id": "req_7", "cf-ray": RAY}, "req_7", "request req_7"),
        ({}, None, "request without id"),
    ],
)
def test_an_answer_is_known_by_its_id_or_else_by_the_ray_of_cloudflare(
    headers: dict[str, Any], request_id: str | None, text: str
) -> None:
    response = Response(200, headers, b"")
    assert (response.request_id, response.request_id_text) == (request_id, text)


def test_headers_enter_messages_as_one_bounded_line_without_keys() -> None:
    response = Response(200, {"x-request-id": "xai-abcdefgh0123456789ab\n" + "x" * 999, "content-type": "a\x85b"}, b"")
    assert response.request_id_text.isprintable()
    assert response.request_id_text.startswith("request xai-*** xxx")
    assert len(response.request_id_text) < 400
    assert response.content_type == "a b"
    assert Response(200, {}, b"").content_type == "no content type"


def test_what_an_answer_or_upload_shows_of_itself_holds_no_content() -> None:
    assert "secret" not in repr(Response(200, {}, b"secret"))
    assert "open" not in repr(Upload("a.txt", open, 1))  # type: ignore[arg-type]  # nobody opens it
