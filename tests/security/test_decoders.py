"""Whatever comes back, a call ends in its answer or in one of our errors, whose text is short and printable.

Here are whole calls, with headers, and answers that nearly fit.
"""

from __future__ import annotations

import json
import pickle
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS, GET_COLLECTION, GET_DOCUMENT
from airflow_provider_xai_collections.api.protocol import Endpoint, Flow, Now, Response
from airflow_provider_xai_collections.api.retries import RetryPolicy, retrying
from airflow_provider_xai_collections.client.exchange import BoundedAnswer
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.exceptions import XAIError

from .hostile import MEGABYTE, WORDS, request_about

#: Characters of a message: a few texts of others, each cut, and our own words around them.
LONGEST = 1500

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)

texts = st.one_of(st.text(st.characters(), max_size=30), st.sampled_from([word[:1000] for word in WORDS.values()]))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just(10**4000), st.just("9" * 400))
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
header_values = st.one_of(
    texts, st.sampled_from(["nan", "inf", "-1", "1e400", "9" * 400, "Fri, 31 Dec 99999 23:59:59"])
)
headers = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("content-type", "x-request-id", "retry-after", "content-encoding"), header_values)
)


def of_type(annotation: Any) -> st.SearchStrategy[Any]:
    """JSON that nearly fits a field: now and then something else stands in its place."""
    if get_origin(annotation) in (Union, UnionType):
        return st.one_of(*(of_type(each) for each in get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shaped(annotation)
    if get_origin(annotation) in (tuple, list):
        return st.lists(of_type(get_args(annotation)[0]), max_size=2)
    if get_origin(annotation) is dict:
        return st.dictionaries(texts, texts, max_size=2)
    return st.none() if annotation is NoneType else scalars


def shaped(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {
        info.alias or name: st.one_of(of_type(info.annotation), anything) for name, info in model.model_fields.items()
    }
    return st.fixed_dictionaries({}, optional=fields)


def errors() -> st.SearchStrategy[Any]:
    told = st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("code", "message", "details", "detail", "error"), anything)
    )
    return st.one_of(told, st.fixed_dictionaries({"error": told}), anything)


def in_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def ends_well(endpoint: Endpoint[Any], status: int, heads: dict[str, str], body: bytes, subject: str = "c") -> None:
    """Play one answer to a call that does not repeat."""
    ended = outcome(retrying(request_about(endpoint, subject), RetryPolicy(attempts=1)), Response(status, heads, body))
    if isinstance(ended, XAIError):
        assert str(ended).isprintable(), ascii(str(ended))
        assert len(str(ended)) <= LONGEST
        assert str(ended).startswith(endpoint.name)
        assert type(pickle.loads(pickle.dumps(ended))) is type(ended)
    else:
        assert isinstance(ended, endpoint.answer)


def outcome(flow: Flow[Any], response: Response) -> Any:
    """The value of the call, or the error if it is one of ours."""
    next(flow)
    try:
        assert isinstance(flow.send(response), Now)
        flow.send(1_700_000_000.0)
    except StopIteration as end:
        return end.value
    except XAIError as error:
        return error
    raise AssertionError("it asks for more")


@every_endpoint
@settings(max_examples=15)
@given(data=st.data())
def test_json_that_nearly_fits(endpoint: Endpoint[Any], data: st.DataObject) -> None:
    body = data.draw(st.one_of(shaped(endpoint.answer), anything))
    ends_well(endpoint, 200, data.draw(headers), in_bytes(body))


@settings(max_examples=100)
@given(
    subject=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300).filter(
        lambda text: text.strip(".")
    ),
    endpoint=st.sampled_from(ENDPOINTS),
    status=st.integers(100, 999),
    heads=headers,
    body=st.one_of(
        errors().map(in_bytes), st.binary(max_size=60), texts.map(lambda text: text.encode("utf-8", "replace"))
    ),
)
@example(subject="c", endpoint=GET_DOCUMENT, status=400, heads={}, body=b"[" * 100_000)
@example(subject="c", endpoint=GET_DOCUMENT, status=400, heads={}, body=b'{"code": ' + b"9" * 5000 + b"}")
@example(subject="c", endpoint=GET_DOCUMENT, status=400, heads={}, body=in_bytes({"error": "m" * MEGABYTE}))
@example(subject="c", endpoint=GET_DOCUMENT, status=200, heads={}, body=in_bytes({"m" * MEGABYTE: "m"}))
@example(subject="c", endpoint=GET_DOCUMENT, status=429, heads={"retry-after": "9" * 1_000_000}, body=b"")
def test_any_status(endpoint: Endpoint[Any], status: int, heads: dict[str, str], body: bytes, subject: str) -> None:
    ends_well(endpoint, status, heads, body, subject)


@pytest.mark.parametrize("said", WORDS.values(), ids=list(WORDS))
@pytest.mark.parametrize("field", ["collection_id", "file_id"])
def test_an_id_in_an_answer_is_one_short_word(field: str, said: str) -> None:
    endpoint = GET_COLLECTION if field == "collection_id" else GET_DOCUMENT
    body = {"collection_id": said, "file_metadata": {"file_id": said}}
    with pytest.raises(XAIError) as caught:
        endpoint.decode(Response(200, {}, in_bytes(body)))
    assert field in str(caught.value)
    assert said[:20] not in str(caught.value)


@given(st.dictionaries(st.sampled_from(("content-type", "x-request-id", "retry-after", "x")), st.binary(max_size=40)))
def test_any_bytes_in_a_header(heads: dict[str, bytes]) -> None:
    answer = httpx.Response(500, headers=[(name.encode(), value) for name, value in heads.items()], content=b"")
    response = BoundedAnswer(ClientSettings(), GET_DOCUMENT.request(collection_id="c", file_id="f"), answer).received()
    ends_well(GET_DOCUMENT, response.status, dict(response.headers), response.body)
