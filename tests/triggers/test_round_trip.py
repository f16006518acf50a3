"""Every trigger is the same after Airflow has written it to its database and built it again, as often as it does."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from airflow.models.trigger import Trigger
from airflow.triggers.base import BaseTrigger
from cryptography.fernet import Fernet

from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from scripts.provided import arguments, classes

#: For each argument of each trigger a value that is not its default.
VALUES: dict[type[Any], dict[str, Any]] = {
    XAIDocumentsProcessedTrigger: {
        "collection_id": "collection_1",
        "file_ids": ["file_1", "file_2"],
        "filter": 'name:"moby"',
        "team_id": "team_7",
        "conn_id": "xai_other",
        "deadline": 1_800_000_000.5,
        "at_deadline": "execution_timed_out",
        "poll_interval": 7.0,
        "manifest": {"version": 1, "total": 1, "file_ids": ["file_1"], "wait": None},
    }
}


@pytest.fixture
def _a_key_to_encrypt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every real Airflow has one. Airflow keeps the first it reads, so the setting would come too late."""
    fernet = Fernet(Fernet.generate_key())
    monkeypatch.setattr("airflow.models.crypto.get_fernet", lambda: fernet)


def variants() -> Iterator[Any]:
    """Each trigger with nothing but what it needs, with each argument alone, and with all of them."""
    for kind in classes("triggers"):
        values = VALUES.get(kind, {})
        needed = {one.name: values[one.name] for _, one in arguments(kind) if one.default is one.empty}
        yield pytest.param(kind, needed, id=f"{kind.__name__}-defaults")
        for name, value in values.items():
            yield pytest.param(kind, {**needed, name: value}, id=f"{kind.__name__}-{name}")
        yield pytest.param(kind, values, id=f"{kind.__name__}-all")


def test_no_argument_of_any_trigger_is_left_out() -> None:
    for kind in classes("triggers"):
        parameters = {parameter.name: parameter for _, parameter in arguments(kind)}
        assert VALUES[kind].keys() == parameters.keys(), kind
        assert [name for name, value in VALUES[kind].items() if value == parameters[name].default] == []
        assert kind(**VALUES[kind]).serialize()[1] == VALUES[kind]


@pytest.mark.parametrize(("kind", "given"), [*variants()])
@pytest.mark.usefixtures("_a_key_to_encrypt_with")
def test_airflow_keeps_it_as_it_is(kind: type[Any], given: dict[str, Any]) -> None:
    """In its own form and encrypted, and the second time as the first."""
    path, kwargs = kind(**given).serialize()
    assert rebuilt(path, json.loads(json.dumps(kwargs))).serialize() == (path, kwargs)
    defaults = {name: one.default for name, one in inspect.signature(kind).parameters.items()}
    assert kwargs == {**defaults, **given}, "what is not given is the default, and nothing is missing"
    kept = kind(**given)
    for _ in range(2):
        row = Trigger.from_object(kept)
        assert given["collection_id"] not in row.encrypted_kwargs
        kept = rebuilt(row.classpath, row.kwargs)
        assert type(kept) is kind
        assert kept.serialize() == (path, kwargs)


def rebuilt(path: str, kwargs: dict[str, Any]) -> BaseTrigger:
    """As the triggerer does it."""
    module, _, name = path.rpartition(".")
    trigger = getattr(import_module(module), name)(**kwargs)
    assert isinstance(trigger, BaseTrigger)
    return trigger
