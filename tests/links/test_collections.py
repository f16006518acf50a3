"""The link to xAI's console: kept before the task works, read by the UI."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import XCom

from airflow_provider_xai_collections.links.collections import XAICollectionLink
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator


class Pushed:
    """A task instance that keeps what is pushed, as Airflow's does in its database."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value

    def read(self, *, key: str, ti_key: Any) -> Any:
        return self.values.get(key)


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> Pushed:
    kept = Pushed()
    monkeypatch.setattr(XCom, "get_value", kept.read)
    return kept


@pytest.mark.parametrize(("team_id", "team"), [(None, "default"), ("team 1/2", "team%201%2F2")])
def test_it_leads_to_the_collections_of_the_team(pushed: Pushed, team_id: str | None, team: str) -> None:
    task = XAICreateCollectionOperator(task_id="create", collection_name="a", team_id=team_id)
    context: Any = {"ti": pushed}
    task.pre_execute(context)
    link: Any = task.operator_extra_links[0]
    assert link.get_link(task, ti_key=None) == f"https://console.x.ai/team/{team}/collections"


def test_before_the_task_began_there_is_none(pushed: Pushed) -> None:
    link: Any = XAICollectionLink()
    assert link.get_link(None, ti_key=None) == ""
