"""A collection by its name, which is not unique at xAI: found, or made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, LIST_COLLECTIONS
from airflow_provider_xai_collections.api.filters import quoted
from airflow_provider_xai_collections.api.flows import LOOKS, delete_collection, list_all
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, call
from airflow_provider_xai_collections.exceptions import XAIAmbiguousNameError, XAIOutcomeUnknownError


def find_collections(collection_name: str, *, team_id: str | None = None) -> Flow[list[Collection]]:
    """The collections called exactly ``collection_name``. The service only matches parts of names, so we compare.

    :raises XAIIncompleteListError: it is open whether the service has shown all of them.
    """
    found = yield from list_all(LIST_COLLECTIONS, filter=f"collection_name:{quoted(collection_name)}", team_id=team_id)
    exact = {each.collection_id: each for each in found if each.collection_name == collection_name}
    return list(exact.values())


def find_collection(collection_name: str, *, team_id: str | None = None) -> Flow[Collection | None]:
    """The one collection called ``collection_name``, or ``None``.

    :raises XAIAmbiguousNameError: several collections carry the name.
    """
    found = yield from find_collections(collection_name, team_id=team_id)
    for turn in range(1, LOOKS):
        if len(found) < 2:
            break
        yield Sleep(float(turn))  # all but one of them may be about to give way: see ensure_collection
        found = yield from find_collections(collection_name, team_id=team_id)
    return only(found, collection_name)


@dataclass(frozen=True, slots=True)
class Ensured:
    """A collection, and whether it was made just now."""

    collection: Collection
    created: bool


def ensure_collection(collection_name: str, *, team_id: str | None = None, **settings: Any) -> Flow[Ensured]:
    """Return the collection called ``collection_name``, creating it with ``settings`` if there is none.

    Safe to repeat: a create whose answer was lost is found by name, not sent again. And safe beside others that do the
    same, although several collections may have one name: of those made at the same time, the oldest stays. It creates
    only on the ground of a complete list, and is done when the list shows what was made, or has not for a while.

    :raises XAIIncompleteListError: the list of collections may be incomplete, so the name may be there.
    :raises XAIAmbiguousNameError: several collections carry the name.
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
    for turn in range(LOOKS):
        if turn:
            yield Sleep(float(turn))
        found = yield from find_collections(collection_name, team_id=team_id)
        if (collection := only(found, collection_name)) is not None:
            return Ensured(collection, created=True)
    raise unknown


def _oldest(ours: Collection, team_id: str | None) -> Flow[Ensured]:
    """The collection that was made just now, unless somebody else made one of that name before: then ours gives way."""
    for turn in range(LOOKS):
        if turn:
            yield Sleep(float(turn))
        found = yield from find_collections(ours.collection_name, team_id=team_id)
        # Where lists lag, who looks for the name now finds nothing and creates another one: so wait until ours shows.
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
    """The one collection of that name, or ``None``."""
    if len(found) > 1:
        ids = ", ".join(collection.collection_id for collection in found)
        raise XAIAmbiguousNameError(
            f"{len(found)} collections are called {collection_name!r} ({ids}). Pass the collection_id of the one you "
            "mean, or rename the others"
        )
    return found[0] if found else None
