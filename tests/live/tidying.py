"""Tidying up: deletes what this run has made, and what an earlier one that was killed could not delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

from . import named
from .meter import BudgetSpentError, Made, Meter
from .place import PREFIX

_FAILED = (XAIError, BudgetSpentError, named.TooManyFilesError)
#: Longer ago than any run has begun, whatever the clocks say.
LONG_AGO = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tidied:
    """The outcome of tidying up.

    :param deleted: how many collections and files were deleted.
    :param left: what is still there, or may be, and why.
    """

    deleted: int
    left: tuple[str, ...]


class _Sweep:
    """Deletes, and remembers what became of it."""

    def __init__(self) -> None:
        self._deleted: set[str] = set()
        self._left: dict[str, str] = {}

    @property
    def tidied(self) -> Tidied:
        """The outcome so far."""
        return Tidied(len(self._deleted), tuple(f"{what}: {why}" for what, why in self._left.items()))

    def delete(self, ids: Iterable[str], do: Callable[[str], bool]) -> None:
        """Delete each that was not deleted yet."""
        for one in dict.fromkeys(ids):
            if one not in self._deleted:
                try:
                    do(one)
                except _FAILED as error:
                    self._left[one] = str(error)
                else:
                    self._deleted.add(one)
                    self._left.pop(one, None)

    def found(self, what: str, ids: Iterator[str]) -> list[str]:
        """Return all that a search finds, or as many as it finds before it fails."""
        seen = []
        try:
            for one in ids:
                seen.append(one)
        except _FAILED as error:
            self._left[f"perhaps {what}, for not all were searched"] = str(error)
        return seen


def tidy(hook: XAICollectionsHook, meter: Meter, name: str) -> Tidied:
    """Delete what this run has made, documents with their collection.

    First what the answers told the ids of, then whatever else carries the run's name: an answer may be lost, be an
    error though the work was done, or not say.
    """
    return _delete(hook, meter, name, meter.made, since=datetime.now(UTC) - LONG_AGO)


def clear(hook: XAICollectionsHook, meter: Meter) -> Tidied:
    """Delete all collections and files of any run, told by their names."""
    return _delete(hook, meter, PREFIX, Made(), since=None)


def _delete(hook: XAICollectionsHook, meter: Meter, name: str, known: Made, since: datetime | None) -> Tidied:
    def collection(one: str) -> bool:
        return hook.delete_collection(collection_id=one)

    def file(one: str) -> bool:
        return hook.delete_file(file_id=one)

    sweep = _Sweep()
    with meter.tidying():
        # Files after all collections: one that is attached may not be deleted.
        sweep.delete(known.collections, collection)
        sweep.delete(sweep.found("collections", named.collections(hook, name)), collection)
        sweep.delete(known.files, file)
        sweep.delete(sweep.found("files", named.files(hook, name, since)), file)
    return sweep.tidied
