"""Files that an upload has left, in a team with all sorts of files. The emulator plays what nobody has shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.endpoints import DELETE_FILE, LIST_COLLECTIONS, LIST_FILES
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.files import DeletedFile, File, FilePage
from airflow_provider_xai_collections.api.orphans import OrphansRemoved, find_orphans, remove_orphans
from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.emulator import Emulator, FaultRule, Settings
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError, XAIInterruptedError, XAIServerError
from tests.api.driving import World, play
from tests.emulator.caller import Caller, Clock, encode, upload

NOW = Clock().now
UPLOADS = {"a.md": {5}, "b.md": {5, 7}}


class Team:
    """A team at xAI: the emulator, asked by flows, in a time of its own."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.emulator = Emulator(Settings(**settings), clock=self.clock)
        self.caller = Caller(self.emulator)
        self.world = World(self.answer)

    def answer(self, request: Request[Any]) -> Any:
        reply = self.emulator.handle(encode(self.change(request)))
        response = Response(reply.status, reply.headers, reply.body)
        if (error := error_from(request, response)) is not None:
            raise error
        return request.endpoint.decode(response)

    def change(self, request: Request[Any]) -> Request[Any]:
        return request

    def collection(self) -> str:
        return self.caller.call(endpoints.CREATE_COLLECTION, collection_name="whales").collection_id

    def file(self, name: str = "a.md", size: int = 5, *, at: float = 0.0) -> str:
        """A file that was made so many seconds after (before, if negative) the run has begun."""
        self.clock.now = NOW + at
        return self.caller.call(endpoints.UPLOAD_FILE, upload=upload(name, b"x" * size)).id

    def attach(self, collection_id: str, file_id: str) -> None:
        self.caller.call(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=file_id)

    def orphans(self, *, until: float = 100.0, known: Any = (), **options: Any) -> list[str]:
        found = find_orphans(UPLOADS, known=known, since=NOW + 0.5, until=NOW + until, **options)
        return [file.id for file in self.world.run(found)]

    def asked(self, endpoint: Any) -> int:
        return sum(request.endpoint is endpoint for request in self.world.requests)


class OldestFirst(Team):
    """A service that sorts the other way."""

    def change(self, request: Request[Any]) -> Request[Any]:
        if request.endpoint is not LIST_FILES:
            return request
        token = dict(request.query).get("pagination_token")
        return LIST_FILES.request(sort_by="FILES_SORT_BY_CREATED_AT", order="asc", limit=100, pagination_token=token)


class Unsorted(Team):
    """A service that sorts by something else."""

    def change(self, request: Request[Any]) -> Request[Any]:
        if request.endpoint is not LIST_FILES:
            return request
        token = dict(request.query).get("pagination_token")
        return LIST_FILES.request(sort_by="FILES_SORT_BY_SIZE", limit=100, pagination_token=token)


EVERY_ORDER = pytest.mark.parametrize("team_at", [Team, OldestFirst, Unsorted])
EVERY_END = pytest.mark.parametrize("end", ["absent", "empty", "always", "repeat"])


def test_only_what_we_meant_to_upload_in_the_time_of_the_run_and_do_not_know_is_an_orphan() -> None:
    team = Team()
    team.file(at=-1)
    whole_second = team.file(at=0)  # the service tells no fractions: it may have been half a second later
    orphan, other = team.file(at=10), team.file("b.md", 7, at=20)
    team.file("c.md", at=30)  # no name of ours
    team.file("a.md", 7, at=40)  # no size of ours, under this name
    known = team.file(at=50)
    last = team.file(at=100)
    team.file(at=101)  # may be on its way into a collection
    assert sorted(team.orphans(known={known})) == sorted([whole_second, orphan, other, last])


@pytest.mark.parametrize("unknown", ["omit", "error"])
def test_what_any_collection_has_is_no_orphan(unknown: str) -> None:
    team = Team(batch_get_unknown=unknown)
    collections = [team.collection() for _ in range(3)]
    team.collection()
    files = [team.file(at=n) for n in range(5)]
    team.attach(collections[0], files[0])
    team.attach(collections[2], files[1])
    for each in (collections[0], collections[1]):
        team.attach(each, files[3])
    assert sorted(team.orphans()) == sorted([files[2], files[4]])


def test_collections_are_asked_for_all_files_together_and_only_while_there_are_any_left() -> None:
    team = Team()
    collections = [team.collection() for _ in range(3)]
    files = [team.file(at=n) for n in range(5)]
    assert len(team.orphans()) == 5
    assert team.asked(endpoints.BATCH_GET_DOCUMENTS) == 3
    for file_id in files:
        for each in collections:
            team.attach(each, file_id)
    assert team.orphans() == []
    assert team.asked(endpoints.BATCH_GET_DOCUMENTS) == 3 + 1


def test_without_a_candidate_no_collection_is_looked_at() -> None:
    team = Team()
    team.collection()
    team.file("c.md")
    assert team.orphans() == []
    assert team.asked(LIST_COLLECTIONS) == 0


def test_a_collection_that_is_out_of_sight_may_have_any_of_them() -> None:
    team = Team()
    doomed = team.collection()
    team.file()

    def delete_first(request: Request[Any]) -> Any:
        if request.endpoint is endpoints.BATCH_GET_DOCUMENTS:
            team.caller.send(endpoints.DELETE_COLLECTION, collection_id=doomed)
        return team.answer(request)

    team.world = World(delete_first)
    with pytest.raises(XAIIncompleteListError, match=rf"{doomed}.*It was listed a moment ago"):
        team.orphans()


@pytest.mark.parametrize("status", [400, 404, 405, 413, 414])
def test_what_a_collection_has_is_no_orphan_although_no_batch_is_taken(status: int) -> None:
    team = Team()
    collections = [team.collection() for _ in range(2)]
    files = [team.file(at=n) for n in range(3)]
    team.attach(collections[0], files[0])
    team.attach(collections[1], files[2])
    team.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=status))
    assert team.orphans() == [files[1]]


@pytest.mark.parametrize("listed", [LIST_FILES, LIST_COLLECTIONS])
def test_lists_that_may_be_incomplete_tell_of_no_orphan(listed: Any) -> None:
    team = Team()
    for n in range(100):
        team.file(at=n / 10)
        team.collection()
    page = team.caller.call(listed, limit=100).model_copy(update={"pagination_token": "in place"})
    team.world = World(lambda request: page if request.endpoint is listed else team.answer(request))
    with pytest.raises(XAIIncompleteListError, match=listed.name):
        team.orphans()


@EVERY_ORDER
@EVERY_END
def test_orphans_are_found_however_the_list_is_sorted_and_ends(team_at: Callable[..., Team], end: str) -> None:
    team = team_at(files_pagination_end=end)
    for n in range(130):
        team.file("old.md", n % 7, at=-1000 + n)
    orphans = [team.file("b.md", 5 + 2 * (n % 2), at=n / 10) for n in range(210)]
    for n in range(130):
        team.file("new.md", n % 7, at=200 + n)
    assert sorted(team.orphans()) == sorted(orphans)


def test_a_list_with_the_newest_first_is_left_where_it_gets_too_old() -> None:
    team = Team()
    for n in range(500):
        team.file("old.md", at=n - 1000)
    orphan = team.file(at=10)
    assert team.orphans() == [orphan]
    assert team.asked(LIST_FILES) == 1


def test_files_of_one_moment_say_nothing_about_the_order() -> None:
    team = OldestFirst()
    for _ in range(100):
        team.file("old.md", at=-1000)
    orphan = team.file(at=10)
    assert team.orphans() == [orphan]


def test_a_list_without_end_is_left_after_so_many_pages() -> None:
    team = OldestFirst()
    for n in range(250):
        team.file("old.md", at=n - 1000)
    team.file(at=10)
    with pytest.raises(XAIIncompleteListError, match=r"^list_files\(\): 2 pages of files do not go back"):
        team.orphans(max_pages=2)
    assert team.asked(LIST_FILES) == 2
    assert len(team.orphans(max_pages=4)) == 1  # the last one is empty


def test_a_file_without_a_time_is_left_alone() -> None:
    page = FilePage(data=(File(id="f", filename="a.md", bytes=5),))
    world = World(lambda _: page)
    assert world.run(find_orphans(UPLOADS, known=(), since=0.0, until=NOW)) == []


def test_orphans_are_deleted_and_what_is_gone_already_is_no_error() -> None:
    team = Team()
    files = [File(id=team.file(at=n)) for n in range(3)]
    team.caller.call(endpoints.DELETE_FILE, file_id=files[1].id)
    assert team.world.run(remove_orphans(files)) == OrphansRemoved(deleted=2)
    assert team.orphans() == []


def test_what_cannot_be_deleted_does_not_hide_what_was() -> None:
    first, second = (DELETE_FILE.request(file_id=file_id) for file_id in "ab")
    files = [File(id=file_id) for file_id in "abc"]
    busy = XAIServerError("busy", status=503)
    assert play(remove_orphans(files), (first, DeletedFile(id="a")), (second, busy)) == OrphansRemoved(1, error=busy)
    with pytest.raises(XAIInterruptedError):
        play(remove_orphans(files), (first, XAIInterruptedError("stop")))


def test_a_file_that_was_attached_after_all_is_kept_where_the_service_says_so() -> None:
    team = Team(delete_attached_file="refuse")
    whales, orphan, attached = team.collection(), team.file(), team.file()
    team.attach(whales, attached)
    assert team.world.run(remove_orphans([File(id=attached), File(id=orphan)])) == OrphansRemoved(deleted=1, kept=1)
    assert [file.id for file in team.caller.call(LIST_FILES).data] == [attached]
