from __future__ import annotations

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Host, Response, Upload, call
from tests.api.driving import a_collection, play


def test_a_call_is_a_flow_of_one_request() -> None:
    request = GET_COLLECTION.request(collection_id="c")
    assert play(call(request), (request, a_collection())) == a_collection()


def test_each_host_has_its_own_key() -> None:
    assert {host.key_name for host in Host} == {"management key", "API key"}


def test_a_request_reads_as_the_call_it_is() -> None:
    assert str(GET_COLLECTION.request(collection_id="c")) == "get_collection(c)"


def test_a_request_about_what_others_named_reads_as_one_short_line() -> None:
    assert str(GET_COLLECTION.request(collection_id="a\x1b[2J\nb")) == "get_collection(a [2J b)"
    assert len(str(GET_COLLECTION.request(collection_id="c" * 10_000))) < 400


def test_an_answer_tells_its_id_and_type() -> None:
    response = Response(200, {"x-request-id": "req_7", "content-type": "application/json"}, b"")
    assert (response.request_id, response.request_id_text) == ("req_7", "request req_7")
    assert response.content_type == "application/json"


def test_an_answer_without_request_id_is_known_by_the_ray_of_cloudflare() -> None:
    response = Response(200, {"cf-ray": "8f3a1b2c3d4e5f60-FRA"}, b"")
    assert (response.request_id, response.request_id_text) == ("8f3a1b2c3d4e5f60-FRA", "cf-ray 8f3a1b2c3d4e5f60-FRA")
    both = Response(200, {"x-request-id": "req_7", "cf-ray": "8f3a"}, b"")
    assert (both.request_id, both.request_id_text) == ("req_7", "request req_7")


def test_an_answer_without_id_and_type_says_so() -> None:
    response = Response(200, {}, b"")
    assert (response.request_id, response.request_id_text) == (None, "request without id")
    assert response.content_type == "no content type"


def test_headers_enter_messages_as_one_bounded_line_without_keys() -> None:
    response = Response(200, {"x-request-id": "xai-abcdefgh0123456789ab\n" + "x" * 999, "content-type": "a\x85b"}, b"")
    assert response.request_id_text.isprintable()
    assert response.request_id_text.startswith("request xai-*** xxx")
    assert len(response.request_id_text) < 400
    assert response.content_type == "a b"


def test_what_an_answer_or_upload_shows_of_itself_holds_no_content() -> None:
    assert "secret" not in repr(Response(200, {}, b"secret"))
    assert "open" not in repr(Upload("a.txt", open, 1))  # type: ignore[arg-type]  # nobody opens it
