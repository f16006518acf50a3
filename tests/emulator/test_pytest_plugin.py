"""The fixtures that users test their own DAGs with: each yields an emulator of its own, to which a connection leads."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import Emulator, FaultRule, Settings
from airflow_provider_xai_collections.exceptions import XAIAuthError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

# As in a conftest.py of users; there it is named in ``pytest_plugins``.
from airflow_provider_xai_collections.emulator.pytest_plugin import (  # isort: skip
    xai_emulator as xai_emulator,
    xai_emulator_conn_id as xai_emulator_conn_id,
    xai_emulator_settings as xai_emulator_settings,
)

VARIABLE = "AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_emulator(xai_emulator: Emulator, turn: int) -> None:
    hook = XAICollectionsHook()
    assert hook.list_collections() == []
    hook.create_collection(collection_name="whales")
    assert len(hook.list_collections()) == 1
    assert xai_emulator.count("create_collection") == 1


def test_both_keys_of_the_connection_work(xai_emulator: Emulator) -> None:
    well, said = XAICollectionsHook().test_connection()
    assert well, said


def test_faults_are_met(xai_emulator: Emulator) -> None:
    xai_emulator.set_faults(FaultRule(endpoint="create_collection", status=401))
    with pytest.raises(XAIAuthError):
        XAICollectionsHook().create_collection(collection_name="whales")
    xai_emulator.set_faults()
    XAICollectionsHook().create_collection(collection_name="whales")


class TestOthers:
    @pytest.fixture
    def xai_emulator_settings(self) -> Settings:
        return Settings(max_page=1)

    @pytest.fixture
    def xai_emulator_conn_id(self) -> str:
        return "my_xai"

    def test_settings_and_connection_are_those_that_a_test_defines(self, xai_emulator: Emulator) -> None:
        assert VARIABLE not in os.environ
        hook = XAICollectionsHook("my_xai")
        for name in ("whales", "ships"):
            hook.create_collection(collection_name=name)
        xai_emulator.reset_log()
        assert len(hook.list_collections()) == 2
        assert xai_emulator.count("list_collections") >= 2


def test_afterwards_the_connection_is_as_it_was(request: pytest.FixtureRequest) -> None:
    assert VARIABLE not in os.environ


def test_nothing_loads_it_by_itself() -> None:
    from importlib.metadata import entry_points

    ours: list[Any] = [one for one in entry_points(group="pytest11") if "xai_collections" in one.value]
    assert ours == []
    assert find_spec("airflow_provider_xai_collections.emulator.pytest_plugin") is not None
