"""Placing: the flow of one document, the order of all, and when to stop."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import REMOVE_DOCUMENT
from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAICredentialError,
    XAICreditsError,
    XAIError,
    XAIInvalidRequestError,
    XAIRateLimitError,
    XAIServerError,
    XAISourceError,
)
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row
from airflow_provider_xai_collections.sync.place import (
    BYTES_AT_ONCE,
    GIVE_UP_AFTER,
    Placement,
    Placing,
    Refusal,
    refusal_after,
)
from tests.sync.sides import an_item
from tests.sync.world import World

REFUSED = XAIInvalidRequestError("the team is full", status=400)
BUSY = XAIServerError("busy", status=503)


def a_row(name: str, size: int = 3) -> Row:
    uri = f"file:///docs/{name}"
    return Row(Action.ADD, uri, an_item(uri, size=size))


def placing(*rows: Row) -> Placing:
    return Placing(rows, None)  # type: ignore[arg-type]  # nothing is placed


def after(*errors: XAIError | None) -> Refusal | None:
    refusal = None
    for error in errors:
        refusal = refusal_after(refusal, error)
    return refusal


# When to stop


def test_a_success_begins_the_count_again() -> None:
    assert after(REFUSED, None) is None
    assert after(REFUSED, REFUSED, None, REFUSED) == after(REFUSED)


@pytest.mark.parametrize("error", [XAISourceError("unreadable"), XAIArgumentError("no such field")])
def test_an_error_that_does_not_come_from_the_service_tells_nothing_of_it(error: XAIError) -> None:
    assert after(REFUSED, error) == after(REFUSED)


@pytest.mark.parametrize("error", [XAICredentialError("no key"), XAICreditsError("none left", status=429)])
def test_a_refused_key_ends_everything_at_once(error: XAIError) -> None:
    refusal = after(error)
    assert refusal is not None
    assert (refusal.is_fatal, refusal.stops, refusal.message) == (True, True, str(error))


@pytest.mark.parametrize(("error", "is_fatal"), [(REFUSED, False), (BUSY, True), (XAIRateLimitError("429"), True)])
def test_many_in_a_row_stop_the_run_and_a_service_that_is_down_ends_it(error: XAIError, is_fatal: bool) -> None:
    before, refusal = (after(*[error] * count) for count in (GIVE_UP_AFTER - 1, GIVE_UP_AFTER))
    assert before is not None
    assert refusal is not None
    assert (before.stops, refusal.stops, refusal.is_fatal) == (False, True, is_fatal)
    assert refusal.message.startswith(f"{GIVE_UP_AFTER} documents in a row failed, the last one because: ")


# The order


def test_a_folder_of_bad_files_does_not_look_like_a_failing_service() -> None:
    rows = [a_row(f"{folder}/{number}") for folder in ("bad", "good") for number in range(GIVE_UP_AFTER)]
    order = [row.uri for row in placing(*rows).left]
    bad = [uri.startswith("file:///docs/bad") for uri in order]
    longest = max(len(run) for run in "".join("x" if each else " " for each in bad).split())
    assert longest < GIVE_UP_AFTER / 2
    assert order == [row.uri for row in placing(*rows[::-1]).left], "and it is the same each time"


def test_no_more_bytes_are_on_their_way_than_fit_and_a_large_one_goes_alone() -> None:
    large = BYTES_AT_ONCE * 2
    work = placing(a_row("a", large), a_row("b", large))
    first = work.left[0]
    assert next(work) is not None
    assert next(work) is None, "not before the first one has ended"
    work.take(Placement(first))
    assert next(work) is not None
    with pytest.raises(StopIteration):
        next(work)


def test_a_stopped_run_hands_out_nothing_more_and_what_still_runs_changes_nothing() -> None:
    work = placing(*[a_row(str(number)) for number in range(GIVE_UP_AFTER + 2)])
    rows: list[Row] = []
    for _ in range(GIVE_UP_AFTER):
        rows.append(work.left[0])
        next(work)
    for row in rows:
        work.take(Placement(row.ended(Outcome.ERROR, REFUSED), error=REFUSED))
    refusal = work.refusal
    work.take(Placement(rows[0]))
    assert work.refusal == refusal
    assert list(work) == []
    assert len(work.left) == 2


def test_a_document_that_vanishes_while_the_worker_waits_is_an_error_and_the_others_are_not() -> None:
    world = World()
    for name in ("ahab", "ishmael", "queequeg"):
        world.folder.write(name)
    exchange = world.exchange

    def losing_one(request: Request[Any]) -> Response:
        if request.endpoint.name == "batch_get_documents" and not world.requests["batch_get_documents"]:
            first = world.records()[0]
            world.caller.call(REMOVE_DOCUMENT, collection_id=world.collection_id, file_id=first.file.file_id)
        return exchange(request)

    world.exchange = losing_one  # type: ignore[method-assign]
    manifest, error = world.run()
    assert (manifest.added, manifest.errors, manifest.failed, manifest.in_progress) == (3, 1, 0, 0)
    assert "1 of 3 documents not as the source has them: ahab: it is no longer in the collection" in error
