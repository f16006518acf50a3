"""Collections by name, which is not unique at xAI: find one, or create it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, LIST_COLLECTIONS
from airflow_provider_xai_collections.api.filters import quoted
from airflow_provider_xai_collections.api.flows import LOOKUPS, delete_collection, list_all
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, call
from airflow_provider_xai_collections.exceptions import XAIAmbiguousNameError, XAIOutcomeUnknownError


def find_collections(collection_name: str, *, team_id: str | None = None) -> Flow[list[Collection]]:
    """Return the collections called exactly ``collection_name``: the service's filter matches parts of names."""
    found = yield from list_all(LIST_COLLECTIONS, filter=f"collection_name:{quoted(collection_name)}", team_id=team_id)
    exact = {each.collection_id: each for each in found if each.collection_name == collection_name}
    return list(exact.values())


def find_collection(collection_name: str, *, team_id: str | None = None) -> Flow[Collection | None]:
    """Return the one collection called ``collection_name``, or ``None``; several are an error."""
    found = yield from find_collections(collection_name, team_id=team_id)
    for turn in range(1, LOOKUPS):
        if len(found) < 2:
            break
        yield Sleep(float(turn))  # all but one of them may be about to be deleted: see ensure_collection
        found = yield from find_collections(collection_name, team_id=team_id)
    return only(found, collection_name)


@dataclass(frozen=True, slots=True)
class Ensured:
    """A collection, and whether it was created just now."""

    collection: Collection
    created: bool


def ensure_collection(collection_name: str, *, team_id: str | None = None, **settings: Any) -> Flow[Ensured]:
    """Return the collection called ``collection_name``, creating it with ``settings`` if there is none.

    Safe to repeat: a create whose answer was lost is found by name, not sent again. Safe beside others that do the
    same: of several made at the same time, the oldest stays. It creates only if a complete list does not have the name,
    and ends when the list shows the new one, or has not for a while.

    :raises XAIIncompleteListError: the list of collections may be incomplete, so the name may be there.
    :raises XAIAmbiguousNameError: several collections have the name.
    """
    request = CREATE_COLLECTION.request(collection_name=collection_name, team_id=team_id, **settings)
    if (collection := (yield from find_collection(collection_name, team_id=team_id))) is not None:
        return Ensured(collection, created=False)
    try:
        created = yield from call(request)
    except XAIOutcomeUnknownError as error:
        unknown = error
    else:
        return (yield from _oldest(created, team_id))
    for turn in range(LOOKUPS):
        if turn:
            yield Sleep(float(turn))
        found = yield from find_collections(collection_name, team_id=team_id)
        if (collection := only(found, collection_name)) is not None:
            return Ensured(collection, created=True)
    raise unknown


def _oldest(ours: Collection, team_id: str | None) -> Flow[Ensured]:
    """Return the collection that was created just now, unless another of that name is older: then ours is deleted."""
    for turn in range(LOOKUPS):
        if turn:
            yield Sleep(float(turn))
        found = yield from find_collections(ours.collection_name, team_id=team_id)
        # Where lists lag, others would not find ours and create another one: so wait until it shows.
        if any(each.collection_id == ours.collection_id for each in found):
            break
    oldest = min((*found, ours), key=_age)
    if oldest.collection_id == ours.collection_id:
        return Ensured(ours, created=True)
    yield from delete_collection(ours.collection_id, team_id=team_id)
    return Ensured(oldest, created=False)


def _age(collection: Collection) -> tuple[float, str]:
    return (collection.created_at.timestamp() if collection.created_at else 0.0, collection.collection_id)


def only(found: Sequence[Collection], collection_name: str) -> Collection | None:
    """Return the one collection of that name, or ``None``; several are an error."""
    if len(found) > 1:
        ids = ", ".join(collection.collection_id for collection in found)
        raise XAIAmbiguousNameError(
            f"{len(found)} collections are called {collection_name!r} ({ids}). Pass the collection_id of the one you "
            "mean, or rename the others"
        )
    return found[0] if found else None
