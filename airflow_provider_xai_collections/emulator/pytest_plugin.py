"""Fixtures for tests of your own DAGs. In your ``conftest.py``:

>>> pytest_plugins = ["airflow_provider_xai_collections.emulator.pytest_plugin"]

pytest loads it only where it is named like this, and nothing else of this package imports it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_xai_collections.emulator.connection import CONN_ID, connection_to, variable_of
from airflow_provider_xai_collections.emulator.service import Emulator
from airflow_provider_xai_collections.emulator.settings import Settings


@pytest.fixture
def xai_emulator_settings() -> Settings:
    """Return the switches of the emulator. Define a fixture of this name to choose others."""
    return Settings()


@pytest.fixture
def xai_emulator_conn_id() -> str:
    """Return the id of the connection that leads to the emulator. Define a fixture of this name to choose another."""
    return CONN_ID


@pytest.fixture
def xai_emulator(
    xai_emulator_settings: Settings, xai_emulator_conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """Start an empty emulator on loopback for one test, and yield it.

    The connection that leads there is in the environment, so hooks, operators and the processes that the test starts
    use it. ``set_faults`` lets calls fail, ``count`` tells how often an endpoint was called.
    """
    from airflow_provider_xai_collections.emulator.server import running

    emulator = Emulator(xai_emulator_settings)
    try:
        with running(emulator) as urls:
            document = json.dumps(connection_to(urls, xai_emulator_settings))
            monkeypatch.setenv(variable_of(xai_emulator_conn_id), document)
            yield emulator
    finally:
        emulator.close()
