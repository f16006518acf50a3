"""The link to our page, to xAI's console or to the emulator: kept before the task works, read by the UI."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
from airflow.providers.common.compat.sdk import XCom

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.links.collections import XAICollectionLink
from airflow_provider_xai_collections.links.pages import CAN_BE_LINKED
from airflow_provider_xai_collections.operators import connected
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.conftest import Connect
from tests.operators.stage import AIRFLOW_2

XAI = "https://management-api.x.ai"
TASKS: dict[type[Any], dict[str, Any]] = {
    XAICreateCollectionOperator: {"collection_name": "whales"},
    XAISearchDocumentsOperator: {"query": "whale", "collection_ids": ["collection_1"]},
    XAIDocumentsProcessedSensor: {"collection_id": "collection_1"},
}
tasks = pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.__name__)


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


def shown(pushed: Pushed, task: Any) -> Any:
    """Return the link of a task that has begun, as the UI does: version 2 calls it, 3 reads what the worker left."""
    task.pre_execute({"ti": pushed})
    (link,) = task.operator_extra_links
    url = link.get_link(task, ti_key=None)
    if not AIRFLOW_2:
        assert pushed.values[link.xcom_key] == url
    return url


#: Where a page of ours can be linked to, the link leads there.
has_pages = pytest.mark.skipif(not CAN_BE_LINKED, reason="before Airflow 3.3, no page of a plugin can be linked to")


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Airflow whose pages cannot be linked to."""
    monkeypatch.setattr(connected, "CAN_BE_LINKED", False)


@has_pages
@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (XAICreateCollectionOperator, "named/whales"),
        (XAISearchDocumentsOperator, ""),
        (XAIDocumentsProcessedSensor, "c/collection_1"),
    ],
)
def test_it_leads_to_the_page_of_the_collection(pushed: Pushed, connection: str, kind: type[Any], page: str) -> None:
    url = shown(pushed, kind(task_id="task", **TASKS[kind]))
    assert url == f"/plugin/xai-collections/xai-collections/{page}"


@has_pages
def test_the_page_uses_the_connection_of_the_task_and_the_path_that_airflow_is_at(
    pushed: Pushed, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.org/data/airflow/")
    monkeypatch.setenv("AIRFLOW_CONN_XAI_OTHER", os.environ[f"AIRFLOW_CONN_{connect().upper()}"])
    url = shown(pushed, XAICreateCollectionOperator(task_id="task", collection_name="a/b & c", conn_id="xai_other"))
    assert (
        url == "/data/airflow/plugin/xai-collections/data/airflow/xai-collections/named/a%2Fb%20%26%20c?conn=xai_other"
    )


@tasks
@pytest.mark.usefixtures("no_pages")
@pytest.mark.parametrize(("team_id", "team"), [(None, "default"), ("team 1/2", "team%201%2F2")])
def test_it_leads_to_the_collections_of_the_connections_team_from_the_first_moment_on(
    pushed: Pushed, connect: Connect, kind: type[Any], team_id: str | None, team: str
) -> None:
    connect(host=XAI, team_id=team_id)
    url = shown(pushed, kind(task_id="task", **TASKS[kind]))
    assert url == f"https://console.x.ai/team/{team}/collections"


@pytest.mark.usefixtures("no_pages")
@pytest.mark.parametrize("kind", [XAICreateCollectionOperator, XAIDocumentsProcessedSensor])
def test_a_team_of_the_tasks_own_comes_first(pushed: Pushed, connect: Connect, kind: type[Any]) -> None:
    connect(host=XAI, team_id="team_1")
    url = shown(pushed, kind(task_id="task", team_id="team_2", **TASKS[kind]))
    assert url == "https://console.x.ai/team/team_2/collections"


@tasks
@pytest.mark.usefixtures("no_pages")
def test_where_the_connection_leads_to_an_emulator_it_shows_the_requests_there(
    pushed: Pushed, connect: Connect, kind: type[Any]
) -> None:
    task = kind(task_id="task", conn_id=connect(), **TASKS[kind])
    url = shown(pushed, task)
    assert url == f"{task.hook.management.url}/_emulator/requests"
    assert "requests" in httpx.get(url).json()


@tasks
def test_a_connection_that_is_wrong_fails_at_once_as_it_would_later(
    pushed: Pushed, connect: Connect, kind: type[Any]
) -> None:
    connect(host="http://example.org")
    with pytest.raises(XAIFailException, match=r"connection 'xai_collections_default': the host .* is refused"):
        kind(task_id="task", **TASKS[kind]).pre_execute({"ti": pushed})


def test_before_the_task_began_there_is_none(pushed: Pushed) -> None:
    link: Any = XAICollectionLink()
    assert link.get_link(None, ti_key=None) == ""
