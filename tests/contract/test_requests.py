"""Every request that the client can send is, strictly read, a message of xAI's type, and says what the caller said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import ParseError
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, ENDPOINTS, LIST_DOCUMENTS
from airflow_provider_xai_collections.api.protocol import Endpoint
from airflow_provider_xai_collections.client.exchange import HttpClient

from .checked import CHECKED
from .generating import parameters
from .published import message, parse
from .translating import published
from .wire import SETTINGS, said

PUBLISHED = [endpoint for endpoint in ENDPOINTS if CHECKED[endpoint.name].request]


@pytest.fixture(scope="module")
def http() -> Iterator[HttpClient]:
    """The HTTP client of the product, which sends nothing."""
    with HttpClient(SETTINGS, httpx.MockTransport(lambda request: httpx.Response(503))) as client:
        yield client


@pytest.mark.parametrize("endpoint", PUBLISHED, ids=lambda endpoint: endpoint.name)
@given(data=st.data())
@settings(max_examples=40)
def test_a_request_is_a_message_of_the_published_type(endpoint: Endpoint[Any], data: st.DataObject, http: Any) -> None:
    given_ = data.draw(parameters(endpoint))
    name = str(CHECKED[endpoint.name].request)
    sent = said(http, endpoint.request(**given_))
    assert parse(name, published(sent, message(name))) == parse(name, published(given_, message(name)))


def test_a_call_that_has_no_published_type_sends_nothing(http: HttpClient) -> None:
    (endpoint,) = set(ENDPOINTS) - set(PUBLISHED)
    assert said(http, endpoint.request()) == {}


@pytest.mark.parametrize(
    ("endpoint", "sent"),
    [
        (LIST_DOCUMENTS, {"page_size": "5"}),
        (LIST_DOCUMENTS, {"order": "ASCENDING"}),
        (LIST_DOCUMENTS, {"limit": "many"}),
        (CREATE_COLLECTION, {"field_definitions": [{"name": "year"}]}),
        (CREATE_COLLECTION, {"chunk_configuration": {"chars_configuration": {"max_chunk_size_tokens": 5}}}),
        (CREATE_COLLECTION, {"chunk_configuration": {"lines_configuration": {}}}),
    ],
)
def test_a_name_word_or_value_that_xai_does_not_know_is_noticed(endpoint: Endpoint[Any], sent: dict[str, Any]) -> None:
    name = str(CHECKED[endpoint.name].request)
    with pytest.raises(ParseError):
        parse(name, published(sent, message(name)))
