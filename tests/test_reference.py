"""The reference says of each parameter what is so."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from airflow_provider_xai_collections.decorators.ingest import XAIIngestDecoratedOperator
from airflow_provider_xai_collections.emulator import pytest_plugin
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import xai_sync_group
from scripts.docstrings import first_sentence, meanings, prose, said_to_be_templated
from scripts.provided import FUNCTIONS, VALUES, arguments, classes, keywords, listed, ours
from scripts.reference import INNER, render

KINDS = [kind for entry in ("operators", "sensors", "triggers", "task-decorators") for kind in classes(entry)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


class Whale:
    """Sing. Then dive:
    deep, as :class:`~sea.Abyss` says.

    :param depth: in metres, at
        least ``1``. (templated)
    :param song: which one.
    :raises XAIError: never.
    """


def test_a_docstring_becomes_markdown_and_explains_what_classes_below_inherit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Orca(Whale):
        """Hunt.

        :param song: another one.
        """

    assert first_sentence(Whale) == "Sing."
    assert prose(Whale) == "Sing. Then dive: deep, as `Abyss` says."
    for one in (Whale, Orca):
        monkeypatch.setattr(one, "__module__", "airflow_provider_xai_collections.sea")
    assert ours(Orca) == [Orca, Whale]
    assert meanings(Orca) == {"depth": "in metres, at least `1`.", "song": "another one."}
    assert said_to_be_templated(Orca) == {"depth"}


def explained(kind: type[Any]) -> tuple[set[str], set[str]]:
    """Return the parameters that docstrings explain, and those of them that are said to be templated. Of the decorator,
    the operator's explain what both have."""
    kinds: list[type[Any]] = [kind, XAIIngestDocumentsOperator] if kind is XAIIngestDecoratedOperator else [kind]
    names = {name for one in kinds for name in meanings(one)}
    return names, {name for one in kinds for name in said_to_be_templated(one)}


@each_kind
def test_every_parameter_is_explained_and_said_to_be_templated_if_it_is(kind: type[Any]) -> None:
    own = {parameter.name for _, parameter in arguments(kind)}
    names, templated = explained(kind)
    assert own <= names
    assert templated & own == set(getattr(kind, "template_fields", ())) & own


@pytest.mark.parametrize("thing", [*listed(FUNCTIONS), *listed(VALUES)], ids=lambda thing: thing.__name__)
def test_every_parameter_of_a_function_or_value_is_explained(thing: Any) -> None:
    is_text = inspect.isclass(thing) and issubclass(thing, str)  # which a method makes
    assert is_text or set(inspect.signature(thing).parameters) <= meanings(thing).keys()


def test_a_group_takes_what_the_sync_takes_and_explains_the_rest() -> None:
    own = {parameter.name for parameter in keywords(xai_sync_group)}
    shared = {parameter.name for _, parameter in arguments(XAISyncCollectionOperator)}
    assert shared - own == {"dry_run", "deferrable"}
    assert own - shared <= meanings(xai_sync_group).keys()


def sections() -> dict[str, str]:
    return {title: text for title, _, text in (part.partition("\n") for part in render().split("\n### ")[1:])}


def test_everything_that_users_call_has_a_section() -> None:
    offered = [kind.__name__ for kind in KINDS if not kind.__name__.endswith("DecoratedOperator")]
    offered += [thing.__name__ for thing in (*listed(FUNCTIONS), *listed(VALUES))]
    offered += ["@task.xai_ingest", "XAICollectionsHook", "xai_sync_group", "Emulator", "FaultRule", "running"]
    assert set(offered) - set(INNER) <= sections().keys()


def test_the_tasks_inside_a_group_are_folded() -> None:
    text, others = sections()["xai_sync_group"], sections().keys()
    before, _, inside = text.partition("<details")
    assert [name for name in INNER if name not in inside or name in before or name in others] == []
    assert "`max_prune`" not in text, "arguments of the sync are explained once"


def test_every_fixture_is_named() -> None:
    fixtures = {name for name in vars(pytest_plugin) if name.startswith("xai_")}
    assert fixtures
    assert [name for name in fixtures if f"`{name}`" not in sections()["pytest fixtures"]] == []
