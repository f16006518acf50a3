"""Lineage of the hook's uploads, as Airflow's collector gets it of a ``@task``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector
from airflow.providers.common.compat.sdk import HookLineageCollector

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.lineage import MAX_INPUTS


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Airflow's own, as it is where somebody reads what it collects."""
    collector = HookLineageCollector()
    monkeypatch.setattr("airflow.providers.common.compat.sdk.get_hook_lineage_collector", lambda: collector)
    return get_hook_lineage_collector()


def uris(collected: list[Any]) -> list[str]:
    return [str(one.asset.uri) for one in collected]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("moby.md", "moby.md"), ("100% whale.md", "100% whale.md"), ("what?#1.md", "what%3F%231.md")],
)
def test_a_file_is_read_when_it_is_uploaded_and_a_collection_written_when_it_is_added(
    hook: XAICollectionsHook, whales: str, tmp_path: Path, collector: Any, name: str, shown: str
) -> None:
    (tmp_path / name).write_text("Call me Ishmael.")
    file = hook.upload_file(path=tmp_path / name)
    assert uris(collector.collected_assets.inputs) == [f"file://{tmp_path}/{shown}"]
    assert collector.collected_assets.outputs == []
    hook.add_document(collection_id=whales, file_id=file.id)
    assert uris(collector.collected_assets.outputs) == [f"xai://collections/{whales}"]


def test_an_upload_in_one_call_does_both(hook: XAICollectionsHook, whales: str, tmp_path: Path, collector: Any) -> None:
    path = tmp_path / "moby.md"
    path.write_text("Call me Ishmael.")
    hook.upload_document(collection_id=whales, path=path)
    assert uris(collector.collected_assets.inputs) == [path.as_uri()]
    assert uris(collector.collected_assets.outputs) == [f"xai://collections/{whales}"]


def test_of_very_many_the_first_are_told(hook: XAICollectionsHook, tmp_path: Path, collector: Any) -> None:
    for number in range(MAX_INPUTS + 2):
        path = tmp_path / f"{number}.md"
        path.write_text("Call me Ishmael.")
        hook.upload_file(path=path)
    assert len(collector.collected_assets.inputs) == MAX_INPUTS


def test_a_place_that_is_no_asset_stops_no_upload(hook: XAICollectionsHook, tmp_path: Path, collector: Any) -> None:
    """Airflow's assets have at most 1,500 characters on version 3, and 3,000 on version 2."""
    folder = tmp_path.joinpath(*["whale" * 40] * 16)
    folder.mkdir(parents=True)
    path = folder / "moby.md"
    path.write_text("Call me Ishmael.")
    assert hook.upload_file(path=path).filename == "moby.md"
    assert collector.collected_assets.inputs == []
