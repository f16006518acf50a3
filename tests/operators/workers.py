"""Workers that share nothing: a group of tasks that syncs, run as Airflow runs it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
)
from tests.operators.stage import run, write


@dataclass
class Cluster:
    """Workers that share nothing but a folder and what Airflow carries between tasks."""

    source: Any
    workspace: Any
    arguments: dict[str, Any] = field(default_factory=dict)
    run_id: str = "manual__2026-01-01T00:00:00+00:00"
    planned: Any = None

    def plan(self, **arguments: Any) -> list[int]:
        xcoms: dict[str, str] = {}
        task = XAIPlanSyncOperator(task_id="g.plan", workspace=self.workspace, **self._shared(arguments))
        parts: list[int] = run(task, xcoms=xcoms, task_id="g.plan", run_id=self.run_id)
        assert len(xcoms["planned"]) < 16 * 1024
        self.planned = json.loads(xcoms["planned"])
        return parts

    def apply(self, shard: int, *, try_number: int = 1, **arguments: Any) -> Any:
        task = XAIApplySyncOperator(task_id="g.apply", planned=self.planned, shard=shard, **self._shared(arguments))
        return run(task, try_number=try_number, map_index=shard)

    def finish(self, *, try_number: int = 1, **arguments: Any) -> Any:
        task = XAIFinishSyncOperator(task_id="g.finish", planned=self.planned, **self._shared(arguments))
        return run(task, try_number=try_number)

    def run(self, *, report: Any = None) -> Any:
        for shard in self.plan():
            self.apply(shard)
        return self.finish(report=report)

    def _shared(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"source": self.source, "collection_name": "whales", "concurrency": 2, **self.arguments, **arguments}


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Sixty documents: three parts' worth."""
    return write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(60)})


@pytest.fixture
def cluster(many: Path, tmp_path: Path) -> Cluster:
    return Cluster(many, tmp_path / "workspace")


def change(many: Path) -> dict[str, str]:
    """Change thirty, remove two, add one and an empty one; return what the collection is to hold then."""
    write(many, {f"{number:02}.md": f"no {number}, second edition" for number in range(30)})
    write(many, {"new.md": "new", "empty.md": ""})
    for name in ("58.md", "59.md"):
        (many / name).unlink()
    return {path.name: path.read_text() for path in many.iterdir() if path.name != "empty.md"}


CHANGED = {"documents": 60, "added": 1, "replaced": 30, "kept": 28, "skipped": 1, "removed": 2, "outdated_removed": 30}
