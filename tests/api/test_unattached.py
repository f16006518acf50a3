"""The inventory of files that are in no collection: complete, or an error."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import (
    DELETE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    LIST_FILES,
)
from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.protocol import Endpoint, Request
from airflow_provider_xai_collections.api.unattached import (
    Inventory,
    delete_unattached,
    still_unattached,
    take_inventory,
)
from airflow_provider_xai_collections.emulator import Emulator, FaultRule, Settings
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError, XAIServerError
from tests.support.caller import Caller, Clock
from tests.support.driving import FlowDriver

MAY_BE_INCOMPLETE = pytest.mark.parametrize("end", ["repeat", "first_page"])


class Team(Caller):
    """A team at xAI: the emulator, asked by flows."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        super().__init__(Emulator(Settings(**settings), clock=self.clock))
        #: Done once, before the answer to the first request to one of these endpoints.
        self.meanwhile: dict[Endpoint[Any], Callable[[], Any]] = {}
        self.requests: list[Request[Any]] = []

    def _answer(self, request: Request[Any]) -> Any:
        self.requests.append(request)
        self.meanwhile.pop(request.endpoint, lambda: None)()
        return super()._answer(request)

    def collection_of(self, *file_ids: str) -> str:
        collection_id = self.collection()
        for file_id in file_ids:
            self.attach(collection_id, file_id)
        return collection_id

    def delete(self, collection_id: str) -> None:
        self.call(DELETE_COLLECTION, collection_id=collection_id)

    def unattached(self, before: float = inf, **options: Any) -> list[str]:
        files = self.run(take_inventory()).unattached(before=before, **options)
        return sorted(file.id for file in files)


def test_only_files_that_are_in_no_collection_are_found() -> None:
    team = Team()
    here, there, both, nowhere = (team.file(name) for name in ("a.md", "b.md", "c.md", "a.md"))
    team.collection_of(here, both)
    team.collection_of(there, both)
    team.collection_of()
    assert team.unattached() == [nowhere]


def test_young_files_and_files_of_other_names_or_of_unknown_age_are_left_out() -> None:
    team = Team()
    team.collection_of(team.file("attached.md"))
    old = team.file("old.md")
    team.clock.now += 100
    young = team.file("young.md")
    assert team.unattached() == sorted([old, young])
    assert team.unattached(before=team.clock.now - 50) == [old]
    assert team.unattached(before=team.clock.now - 100) == [], "the very moment is not before"
    assert team.unattached(is_wanted=lambda name: name.startswith("y")) == [young]
    assert Inventory([File(id="file_1", filename="a.md")], []).unattached(before=inf) == []


@pytest.mark.parametrize("end", ["absent", "empty", "always"])
def test_all_pages_of_all_lists_are_read(end: str) -> None:
    team = Team(max_page=2, pagination_end=end, files_pagination_end=end)
    for _ in range(3):
        team.collection_of(*(team.file() for _ in range(5)))
    left = [team.file() for _ in range(3)]
    assert team.unattached() == sorted(left)


@MAY_BE_INCOMPLETE
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("files_pagination_end", r"may be incomplete|the list of files lacks"),
        ("pagination_end", r"list_collections.*may be incomplete"),  # however short the pages are
    ],
)
def test_a_list_of_files_or_collections_that_may_be_incomplete_is_an_error(kind: str, said: str, end: str) -> None:
    team = Team(max_page=2, **{kind: end})
    team.file()
    for _ in range(3):
        team.collection_of(team.file())
    with pytest.raises(XAIIncompleteListError, match=said):
        team.unattached()


@MAY_BE_INCOMPLETE
def test_a_list_of_documents_that_may_be_incomplete_is_an_error_whatever_the_collection_counts(end: str) -> None:
    team = Team(pagination_end=end, max_page=2)
    team.collection_of(*(team.file() for _ in range(5)))
    otherwise: dict[Endpoint[Any], dict[str, Any]] = {
        GET_COLLECTION: {"documents_count": 2},
        LIST_COLLECTIONS: {"pagination_token": None},
    }

    def answer(request: Request[Any]) -> Any:
        return team._answer(request).model_copy(update=otherwise.get(request.endpoint, {}))

    with pytest.raises(XAIIncompleteListError, match=r"list_documents.*may be incomplete"):
        FlowDriver(answer).run(take_inventory())


def test_documents_that_the_list_does_not_show_yet_are_waited_for() -> None:
    team = Team(list_lag_reads=2)
    attached, left = team.file(), team.file()
    team.collection_of(attached)
    assert team.unattached() == [left]
    team = Team(list_lag_reads=50)
    team.collection_of(team.file())
    with pytest.raises(XAIIncompleteListError, match="says that it has 1 document, and its list shows 0"):
        team.unattached()


def test_collections_that_come_or_go_meanwhile_are_an_error() -> None:
    team = Team()
    whales, new = team.collection_of(team.file()), team.file()
    team.meanwhile[LIST_DOCUMENTS] = lambda: team.collection_of(new)
    with pytest.raises(XAIIncompleteListError, match="created while the collections were read"):
        team.unattached()
    team.meanwhile[LIST_DOCUMENTS] = lambda: team.delete(whales)
    with pytest.raises(XAIIncompleteListError, match="its documents are unknown"):
        team.unattached()


def test_a_file_that_is_attached_once_its_collection_was_read_is_not_found() -> None:
    """The files are listed before the collections, so its age does not matter."""
    team = Team()
    whales, left = team.collection_of(team.file()), team.file()

    def attach_late() -> None:
        team.attach(whales, team.file("late.md"))

    team.meanwhile[LIST_DOCUMENTS] = lambda: team.meanwhile.update({LIST_COLLECTIONS: attach_late})
    assert team.unattached() == [left]
    assert team.meanwhile == {}


@pytest.mark.parametrize("endpoint", [LIST_FILES, LIST_COLLECTIONS, LIST_DOCUMENTS, GET_COLLECTION])
def test_a_list_that_fails_is_an_error(endpoint: Any) -> None:
    team = Team()
    team.collection_of(team.file())
    team.emulator.set_faults(FaultRule(endpoint=endpoint.name, status=503))
    with pytest.raises(XAIServerError):
        team.unattached()


def test_documents_whose_files_are_not_listed_mean_that_the_keys_may_be_of_two_teams() -> None:
    team, other = Team(), Team()
    for each in (team, other):
        each.collection_of(each.file())
    driver = FlowDriver(lambda request: (other if request.endpoint is LIST_FILES else team)._answer(request))
    with pytest.raises(XAIIncompleteListError, match=r"the list of files lacks those of 1 document .*belong to one"):
        driver.run(take_inventory())


def test_files_without_any_document_may_be_another_teams() -> None:
    team = Team()
    team.collection_of()
    assert team.unattached() == [], "there is no file"
    left = team.file()
    with pytest.raises(XAIIncompleteListError, match=r"1 file, and no document.*belong to one team"):
        team.unattached()
    team.collection_of(team.file())  # the way out that it names
    assert team.unattached() == [left]


def test_a_file_that_was_attached_since_is_left_out() -> None:
    team = Team()
    whales = team.collection_of(team.file())
    late, left = team.file(), team.file()
    inventory = team.run(take_inventory())
    files = inventory.unattached(before=inf)
    assert len(files) == 2
    team.attach(whales, late)
    assert [file.id for file in team.run(still_unattached(inventory, files))] == [left]


def test_collections_that_came_or_went_since_the_inventory_are_an_error() -> None:
    team = Team()
    whales = team.collection_of(team.file())
    inventory = team.run(take_inventory())
    new = team.collection_of(team.file())
    with pytest.raises(XAIIncompleteListError, match=f"{new}: created while"):
        team.run(still_unattached(inventory, []))
    team.delete(new)
    team.delete(whales)
    with pytest.raises(XAIIncompleteListError, match=f"{whales}.*its documents are unknown"):
        team.run(still_unattached(inventory, [File(id="file_1")]))


def test_the_team_is_told_to_every_call_that_takes_one() -> None:
    team = Team()
    whales = team.collection_of(team.file())
    told: list[tuple[int, list[str]]] = []
    flow = take_inventory(team_id="team_7", on_progress=lambda it: told.append((it.counted, it.collection_ids)))
    inventory = team.run(flow)
    team.run(still_unattached(inventory, [File(id="file_1")], team_id="team_7"))
    asked = {request.endpoint.name: dict(request.query).get("team_id") for request in team.requests}
    assert asked.pop("list_files") is None
    assert asked == dict.fromkeys(
        ("list_collections", "get_collection", "list_documents", "batch_get_documents"), "team_7"
    )
    assert told == [(1, [whales])]


def test_a_file_that_the_service_says_is_attached_is_kept_and_a_missing_one_is_no_error() -> None:
    team = Team(delete_attached_file="refuse")
    attached, missing = team.file(), team.file()
    team.collection_of(attached)
    assert team.run(delete_unattached(File(id=attached))) is False
    team.call(DELETE_FILE, file_id=missing)
    assert team.run(delete_unattached(File(id=missing))) is True
