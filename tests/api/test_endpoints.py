from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.endpoints import (
    DELETE_COLLECTION,
    ENDPOINTS,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_COLLECTIONS,
)
from airflow_provider_xai_collections.api.protocol import Endpoint, Host, Response
from airflow_provider_xai_collections.api.wire import Answer
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIResponseError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def answers(model: type[Answer]) -> st.SearchStrategy[Any]:
    """Any JSON, and objects that have the right names with any JSON inside."""
    names = sorted(info.alias or name for name, info in model.model_fields.items()) or ["x"]
    return JSON | st.dictionaries(st.sampled_from(names), JSON | st.lists(st.fixed_dictionaries({"id": JSON})))


def assert_read_or_refused(endpoint: Endpoint[Any], body: bytes) -> None:
    refusal = ""
    try:
        assert isinstance(endpoint.decode(Response(200, {}, body)), endpoint.answer)
    except XAIResponseError as error:
        refusal = str(error)
    assert refusal.isprintable()
    assert len(refusal) < 600


def test_names_are_unique_and_so_are_method_and_path() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def test_calls_that_make_something_new_or_delete_fields_are_not_idempotent() -> None:
    once = {endpoint.name for endpoint in ENDPOINTS if not endpoint.idempotent}
    assert once == {"create_collection", "update_collection", "add_document", "upload_document", "upload_file"}


def test_files_and_search_are_on_the_api_host_and_collections_on_the_other() -> None:
    for endpoint in ENDPOINTS:
        on_api = endpoint.path.startswith(("/v1/files", "/v1/documents/search"))
        assert endpoint.host is (Host.API if on_api else Host.MANAGEMENT)


def test_every_fact_carries_its_certainty() -> None:
    assert {endpoint.source for endpoint in ENDPOINTS} <= {"doc", "proto", "seen", "open"}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_what_is_in_the_path_is_a_required_parameter(endpoint: Endpoint[Any]) -> None:
    for name in endpoint.path_params:
        assert endpoint.params.model_fields[name].is_required()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_parameter_nobody_knows_is_refused(endpoint: Endpoint[Any]) -> None:
    with pytest.raises(XAIArgumentError, match=rf"^{endpoint.name}: .*colour: Extra inputs are not permitted"):
        endpoint.request(colour="red")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in (".", "..")))
def test_an_id_stays_one_segment_of_the_path_whatever_it_holds(file_id: str) -> None:
    path = GET_DOCUMENT.request(collection_id="c", file_id=file_id).path
    *before, segment = path.split("/")
    assert before == ["", "v1", "collections", "c", "documents"]
    assert unquote(segment) == file_id
    assert not set(segment) & set("?#%: \n") - {"%"}


def test_an_id_that_is_no_text_is_refused() -> None:
    with pytest.raises(XAIArgumentError, match=r"get_collection: collection_id is 'a\\ud800', which is not an id"):
        GET_COLLECTION.request(collection_id="a\ud800")


@pytest.mark.parametrize("no_id", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_refused(no_id: str) -> None:
    with pytest.raises(XAIArgumentError, match=f"get_collection: collection_id is '{no_id}', which is not an id"):
        GET_COLLECTION.request(collection_id=no_id)


def test_all_mistakes_are_named_up_to_five_and_no_value_is_shown() -> None:
    with pytest.raises(XAIArgumentError) as caught:
        GET_COLLECTION.request(collection_id=["secret"], a=1, b=2, c=3, d=4, e=5)
    message = str(caught.value)
    assert message.count(";") == 4
    assert "secret" not in message


def test_parameters_that_are_absent_are_not_sent() -> None:
    assert LIST_COLLECTIONS.request(team_id=None, limit=None).query == ()


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b'{"anything": 1}'])
def test_an_answer_of_nothing_may_be_empty(body: bytes) -> None:
    assert DELETE_COLLECTION.decode(Response(200, {}, body)) is not None


def test_an_empty_body_is_not_an_empty_list() -> None:
    with pytest.raises(XAIResponseError):
        LIST_COLLECTIONS.decode(Response(204, {}, b""))


def test_an_answer_that_cannot_be_read_names_the_endpoint_the_place_and_the_next_step() -> None:
    headers = {"content-type": "text/html", "x-request-id": "req_7"}
    with pytest.raises(XAIResponseError) as caught:
        GET_COLLECTION.decode(Response(200, headers, b"<html>secret"))
    assert str(caught.value) == (
        "get_collection: the answer is not a Collection: Invalid JSON: expected value at line 1 column 1 "
        "(status 200, text/html, 12 bytes, request req_7). If this repeats, look for a proxy in between"
    )


def test_an_error_that_comes_with_status_200_does_not_pass_for_an_empty_list() -> None:
    with pytest.raises(XAIResponseError, match="none of the fields collections, pagination_token is there"):
        LIST_COLLECTIONS.decode(Response(200, {}, b'{"error": "try later"}'))


def test_a_mistake_deep_in_an_answer_is_named_by_its_place() -> None:
    with pytest.raises(XAIResponseError, match=r"collections\.1\.collection_id: Field required"):
        LIST_COLLECTIONS.decode(
            Response(200, {}, b'{"collections": [{"collection_id": "c"}, {"collection_name": "x"}]}')
        )


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
@given(data=st.data())
@settings(max_examples=40)
def test_any_json_is_read_or_refused_as_an_answer(endpoint: Endpoint[Any], data: st.DataObject) -> None:
    body = json.dumps(data.draw(answers(endpoint.answer))).encode()
    assert_read_or_refused(endpoint, body)


@given(st.sampled_from(ENDPOINTS), st.binary())
def test_any_bytes_are_read_or_refused_as_an_answer(endpoint: Endpoint[Any], body: bytes) -> None:
    assert_read_or_refused(endpoint, body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"collections":' + b"[" * 100_000, b"9" * 10_000])
def test_an_answer_that_is_only_depth_or_digits_is_refused(body: bytes) -> None:
    with pytest.raises(XAIResponseError):
        LIST_COLLECTIONS.decode(Response(200, {}, body))
