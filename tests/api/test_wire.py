from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, ValidationError

from airflow_provider_xai_collections.api.wire import SENDING, Answer, Empty, Params, Part


class Wheel(Part):
    size: int = 0
    tags: tuple[str, ...] = ()


class Car(Answer):
    wheels: tuple[Wheel, ...] = ()
    maker: str | None = Field(None, alias="madeBy")


class Order(Params):
    wheel: Wheel


def test_unknown_fields_are_ignored_when_read() -> None:
    assert Car.model_validate({"wheels": [{"size": 3, "colour": "red"}], "doors": 4}) == Car(wheels=(Wheel(size=3),))


def test_null_means_absent_when_read() -> None:
    assert Car.model_validate({"wheels": [{"size": None, "tags": None}]}) == Car(wheels=(Wheel(),))
    assert Car.model_validate({"wheels": None}) == Car()


def test_unknown_parts_are_refused_when_sent_and_the_known_are_named() -> None:
    with pytest.raises(ValidationError, match="unknown: colour, form; known are size, tags"):
        Order.model_validate({"wheel": {"form": "round", "colour": "red"}}, context=SENDING)


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Order.model_validate({"wheel": {}, "wheels": 4})


def test_an_answer_with_none_of_our_fields_is_not_this_answer() -> None:
    with pytest.raises(ValidationError, match="none of the fields madeBy, wheels is there"):
        Car.model_validate({"error": "no cars today"})


@pytest.mark.parametrize("body", [{}, {"madeBy": "x"}, {"wheels": []}, {"wheels": None}])
def test_an_empty_answer_or_one_with_a_field_of_ours_is_read(body: dict[str, Any]) -> None:
    assert Car.model_validate(body).wheels == ()


def test_the_empty_answer_takes_any_object_and_nothing_else() -> None:
    assert Empty.model_validate({}) == Empty.model_validate({"anything": 1})
    with pytest.raises(ValidationError):
        Empty.model_validate([])
    with pytest.raises(ValidationError, match="it carries an error"):
        Empty.model_validate({"error": "no"})
