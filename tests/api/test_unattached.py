"""The inventory of files that are in no collection: complete, or an error."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.endpoints import (
    DELETE_FILE,
    GET_COLLECTION,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
)
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.protocol import Endpoint, Request, Response
from airflow_provider_xai_collections.api.unattached import (
    Inventory,
    delete_unattached,
    still_unattached,
    take_inventory,
)
from airflow_provider_xai_collections.emulator import Emulator, FaultRule, Settings
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError, XAIServerError
from tests.api.driving import World
from tests.support.caller import Caller, Clock, encode, upload


class Team:
    """A team at xAI: the emulator, asked by flows."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.emulator = Emulator(Settings(**settings), clock=self.clock)
        self.caller = Caller(self.emulator)
        self.world = World(self.answer)
        #: Done once, before the answer to the first request to one of these endpoints.
        self.meanwhile: dict[str, Any] = {}

    def answer(self, request: Request[Any]) -> Any:
        if (happens := self.meanwhile.pop(request.endpoint.name, None)) is not None:
            happens()
        reply = self.emulator.handle(encode(request))
        response = Response(reply.status, reply.headers, reply.body)
        if (error := error_from(request, response)) is not None:
            raise error
        return request.endpoint.decode(response)

    def collection(self, *file_ids: str) -> str:
        collection_id: str = self.caller.call(endpoints.CREATE_COLLECTION, collection_name="whales").collection_id
        for file_id in file_ids:
            self.attach(collection_id, file_id)
        return collection_id

    def file(self, name: str = "a.md") -> str:
        file_id: str = self.caller.call(endpoints.UPLOAD_FILE, upload=upload(name, b"x" * 5)).id
        return file_id

    def attach(self, collection_id: str, file_id: str) -> None:
        self.caller.call(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=file_id)

    def inventory(self, **options: Any) -> Inventory:
        return self.world.run(take_inventory(**options))

    def found(self, before: float = inf, **options: Any) -> list[str]:
        return sorted(file.id for file in self.inventory().unattached(before=before, **options))


def test_only_files_that_are_in_no_collection_are_found() -> None:
    team = Team()
    here, there, both, nowhere = (team.file(name) for name in ("a.md", "b.md", "c.md", "a.md"))
    team.collection(here, both)
    team.collection(there, both)
    team.collection()
    assert team.found() == [nowhere]


def test_young_files_and_files_of_other_names_are_left_out() -> None:
    team = Team()
    team.collection(team.file("attached.md"))
    old = team.file("old.md")
    team.clock.now += 100
    young = team.file("young.md")
    assert team.found() == sorted([old, young])
    assert team.found(before=team.clock.now - 50) == [old]
    assert team.found(before=team.clock.now - 100) == [], "the very moment is not before"
    assert team.found(is_wanted=lambda name: name.startswith("y")) == [young]


def test_a_file_of_unknown_age_is_left_out() -> None:
    assert Inventory([File(id="file_1", filename="a.md")], []).unattached(before=inf) == []


@pytest.mark.parametrize("end", ["absent", "empty", "always"])
def test_all_pages_of_all_lists_are_read(end: str) -> None:
    team = Team(max_page=2, pagination_end=end, files_pagination_end=end)
    for _ in range(3):
        team.collection(*(team.file() for _ in range(5)))
    left = [team.file() for _ in range(3)]
    assert team.found() == sorted(left)


@pytest.mark.parametrize("end", ["repeat", "first_page"])
def test_a_list_of_files_that_may_be_incomplete_is_an_error(end: str) -> None:
    team = Team(files_pagination_end=end, max_page=2)
    team.collection(*(team.file() for _ in range(4)))
    with pytest.raises(XAIIncompleteListError, match=r"may be incomplete|the list of files lacks"):
        team.inventory()


@pytest.mark.parametrize("end", ["repeat", "first_page"])
def test_a_list_of_collections_that_may_be_incomplete_is_an_error(end: str) -> None:
    """A file of a collection that is not shown would seem to be in none, however short the pages are."""
    team = Team(pagination_end=end, max_page=2)
    for _ in range(3):
        team.collection(team.file())
    with pytest.raises(XAIIncompleteListError, match=r"list_collections.*may be incomplete"):
        team.inventory()


def test_documents_that_the_list_does_not_show_yet_are_waited_for() -> None:
    team = Team(list_lag_reads=2)
    attached, left = team.file(), team.file()
    team.collection(attached)
    assert team.found() == [left]


def test_a_collection_whose_list_never_shows_all_is_an_error() -> None:
    team = Team(list_lag_reads=50)
    team.collection(team.file())
    with pytest.raises(XAIIncompleteListError, match="says that it has 1 document, and its list shows 0"):
        team.inventory()


@pytest.mark.parametrize("end", ["repeat", "first_page"])
def test_a_list_of_documents_that_may_be_incomplete_is_an_error_whatever_the_collection_counts(end: str) -> None:
    team = Team(pagination_end=end, max_page=2)
    team.collection(*(team.file() for _ in range(5)))
    otherwise: dict[Endpoint[Any], dict[str, Any]] = {
        GET_COLLECTION: {"documents_count": 2},
        LIST_COLLECTIONS: {"pagination_token": None},
    }

    def answer(request: Request[Any]) -> Any:
        return team.answer(request).model_copy(update=otherwise.get(request.endpoint, {}))

    with pytest.raises(XAIIncompleteListError, match=r"list_documents.*may be incomplete"):
        World(answer).run(take_inventory())


def test_a_collection_that_vanishes_meanwhile_is_an_error() -> None:
    team = Team()
    whales = team.collection(team.file())
    team.meanwhile["list_documents"] = lambda: team.caller.call(endpoints.DELETE_COLLECTION, collection_id=whales)
    with pytest.raises(XAIIncompleteListError, match="its documents are unknown"):
        team.inventory()


def test_a_collection_that_comes_meanwhile_is_an_error() -> None:
    team = Team()
    team.collection(team.file())
    new = team.file()
    team.meanwhile["list_documents"] = lambda: team.collection(new)
    with pytest.raises(XAIIncompleteListError, match="created while the collections were read"):
        team.inventory()


@pytest.mark.parametrize("endpoint", [endpoints.LIST_FILES, LIST_COLLECTIONS, LIST_DOCUMENTS, endpoints.GET_COLLECTION])
def test_a_list_that_fails_is_an_error(endpoint: Any) -> None:
    team = Team()
    team.collection(team.file())
    team.emulator.set_faults(FaultRule(endpoint=endpoint.name, status=503))
    with pytest.raises(XAIServerError):
        team.inventory()


def test_documents_whose_files_are_not_listed_mean_that_the_keys_may_be_of_two_teams() -> None:
    team, other = Team(), Team()
    for each in (team, other):
        each.collection(each.file())
    files = endpoints.LIST_FILES.name

    def answer(request: Request[Any]) -> Any:
        return (other if request.endpoint.name == files else team).answer(request)

    with pytest.raises(
        XAIIncompleteListError, match=r"the list of files lacks those of 1 document .*belong to one team"
    ):
        World(answer).run(take_inventory())


def test_files_without_any_document_may_be_another_teams() -> None:
    team = Team()
    left = team.file()
    team.collection()
    with pytest.raises(XAIIncompleteListError, match=r"1 file, and no document.*belong to one team"):
        team.inventory()
    team.collection(team.file())  # the way out that it names
    assert team.found() == [left]


def test_a_team_without_files_has_none_to_delete() -> None:
    team = Team()
    team.collection()
    assert team.found() == []


def test_a_file_that_was_attached_since_is_left_out() -> None:
    team = Team()
    whales = team.collection(team.file())
    late, left = team.file(), team.file()
    inventory = team.inventory()
    files = inventory.unattached(before=inf)
    assert len(files) == 2
    team.attach(whales, late)
    assert [file.id for file in team.world.run(still_unattached(inventory, files))] == [left]


def test_collections_that_came_or_went_since_the_inventory_are_an_error() -> None:
    team = Team()
    whales = team.collection(team.file())
    inventory = team.inventory()
    new = team.collection(team.file())
    with pytest.raises(XAIIncompleteListError, match=f"{new}: created while"):
        team.world.run(still_unattached(inventory, []))
    for collection_id in (new, whales):
        team.caller.call(endpoints.DELETE_COLLECTION, collection_id=collection_id)
    with pytest.raises(XAIIncompleteListError, match=f"{whales}.*its documents are unknown"):
        team.world.run(still_unattached(inventory, [File(id="file_1")]))


def test_the_team_is_told_to_every_call_that_takes_one() -> None:
    team = Team()
    whales = team.collection(team.file())
    told: list[tuple[int, int]] = []
    inventory = team.inventory(
        team_id="team_7", on_progress=lambda found: told.append((found.counted, len(found.collection_ids)))
    )
    team.world.run(still_unattached(inventory, [File(id="file_1")], team_id="team_7"))
    asked = {request.endpoint.name: dict(request.query).get("team_id") for request in team.world.requests}
    assert asked.pop("list_files") is None
    assert set(asked) == {"list_collections", "get_collection", "list_documents", "batch_get_documents"}
    assert set(asked.values()) == {"team_7"}
    assert told == [(1, 1)]
    assert inventory.collection_ids == [whales]


def test_a_file_that_the_service_says_is_attached_is_kept_and_a_missing_one_is_no_error() -> None:
    team = Team(delete_attached_file="refuse")
    attached, missing = team.file(), team.file()
    team.collection(attached)
    assert team.world.run(delete_unattached(File(id=attached))) is False
    team.caller.call(DELETE_FILE, file_id=missing)
    assert team.world.run(delete_unattached(File(id=missing))) is True


def test_a_file_that_is_attached_once_its_collection_was_read_is_not_found() -> None:
    """The files are listed before the collections, so its age does not matter."""
    team = Team()
    whales = team.collection(team.file())
    left = team.file()
    late: list[str] = []

    def answer(request: Request[Any]) -> Any:
        reply = team.answer(request)
        if request.endpoint is LIST_DOCUMENTS and not late:
            late.append(team.file("late.md"))
            team.attach(whales, late[0])
        return reply

    inventory = World(answer).run(take_inventory())
    assert late
    assert [file.id for file in inventory.unattached(before=inf)] == [left]
