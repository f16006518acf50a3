"""The recipe for files that no collection holds, in a real Airflow."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from airflow_provider_xai_collections.emulator import Settings
from tests.conftest import RecordingEmulator
from tests.dags.conftest import Airflow
from tests.operators.stage import Xai


@pytest.fixture
def emulator(emulator_settings: Settings) -> Iterator[RecordingEmulator]:
    """All that is made there is eight days old."""
    emulator = RecordingEmulator(emulator_settings, clock=lambda: time.time() - 8 * 86_400)
    yield emulator
    emulator.close()


def test_what_no_collection_holds_is_told_and_deleted_only_if_wanted(xai: Xai, airflow: Airflow) -> None:
    xai.document(xai.collection("library"), "whale.md")
    xai.file("left.md")
    for delete, names in ((False, ["left.md", "whale.md"]), (True, ["whale.md"]), (True, ["whale.md"])):
        airflow.test("xai_delete_unattached_files", {"delete": delete})
        assert sorted(file.filename for file in xai.hook.list_files()) == names
