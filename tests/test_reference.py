"""The reference says of each parameter what is so."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.docstrings import first_sentence, meanings, prose, said_to_be_templated
from scripts.provided import arguments, classes, ours
from scripts.reference import render

KINDS = [kind for room in ("operators", "sensors", "triggers", "task-decorators") for kind in classes(room)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


class Whale:
    """Sing. Then dive:
    deep, as :class:`~sea.Abyss` says.

    :param depth: in metres, at
        least ``1``. (templated)
    :param song: which one.
    :raises XAIError: never.
    """


def test_a_docstring_becomes_markdown() -> None:
    assert first_sentence(Whale) == "Sing."
    assert prose(Whale) == "Sing. Then dive: deep, as `Abyss` says."


def test_what_is_said_of_a_parameter_is_found_in_the_class_or_in_those_it_is_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Orca(Whale):
        """Hunt.

        :param song: another one.
        """

    for one in (Whale, Orca):
        monkeypatch.setattr(one, "__module__", "airflow_provider_xai_collections.sea")
    assert ours(Orca) == [Orca, Whale]
    assert meanings(Orca) == {"depth": "in metres, at least `1`.", "song": "another one."}
    assert said_to_be_templated(Orca) == {"depth"}


@each_kind
def test_every_parameter_is_explained(kind: type[Any]) -> None:
    assert {parameter.name for _, parameter in arguments(kind)} <= meanings(kind).keys()


@each_kind
def test_what_is_said_to_be_templated_is_and_nothing_else(kind: type[Any]) -> None:
    own = {parameter.name for _, parameter in arguments(kind)}
    assert said_to_be_templated(kind) & own == set(getattr(kind, "template_fields", ())) & own


def test_every_class_has_a_section() -> None:
    sections = {line.removeprefix("### ") for line in render().splitlines() if line.startswith("### ")}
    assert {kind.__name__ for kind in KINDS if not kind.__name__.endswith("DecoratedOperator")} <= sections
    assert {"@task.xai_ingest", "XAICollectionsHook"} <= sections
