"""Base of all manifests: trigger events and XComs that are versioned, bounded, and checked on arrival."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.text import printable

#: Items of each list in a manifest; of more it has only the number.
MAX_LISTED = 50
#: Characters of a document's name.
MAX_NAME = 100
#: Bytes of JSON that each list may take, where one character may need twelve: a manifest stays below 16 KB.
ROOM_FOR_FAILURES = 4_200
ROOM_FOR_IDS = 2_400
ROOM_FOR_NAMES = 1_600
ROOM_FOR_PENDING = 700
ROOM_FOR_DOUBTS = 1_200
ROOM_FOR_PASSAGES = 13_000
ROOM_FOR_SOURCES = 1_300
#: As much for a single text.
ROOM_FOR_ID = 300
ROOM_FOR_SCOPE = 500
ROOM_FOR_PATH = 1_000
ROOM_FOR_FOLDER = 7_000
ROOM_FOR_PROBLEMS = 4_200
#: And for an event, in which two of them are.
ROOM_FOR_EVENT = 16_000
#: Counts in an asset event: what a task did to a collection.
COUNTS = ("added", "replaced", "removed", "failed", "bytes")

M = TypeVar("M", bound="Manifest")
Item = TypeVar("Item", bound="str | Manifest")


class Manifest(BaseModel):
    """Base of all that crosses a process border. An unknown or missing field fails loudly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return self.model_dump(mode="json")

    @classmethod
    def parse(cls: type[M], data: Any) -> M:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, mistake["loc"])) for mistake in error.errors())
            raise XAIError(
                f"a {cls.__name__} of another version of this provider, or none at all ({where or 'not an object'}). "
                "Clear the task to run it again with the installed version"
            ) from None


def first_of(items: Sequence[Item], room: int) -> tuple[Item, ...]:
    """Return the first items: at most ``MAX_LISTED``, and no more than fit into ``room`` bytes of JSON."""
    kept: list[Item] = []
    for item in items[:MAX_LISTED]:
        room -= len(json.dumps(item.dump() if isinstance(item, Manifest) else item)) + len(", ")
        if room < 0:
            break
        kept.append(item)
    return tuple(kept)


def first_names(names: Sequence[str], room: int = ROOM_FOR_NAMES) -> tuple[str, ...]:
    """Return the first names, made printable, as :func:`first_of`."""
    return first_of([printable(name, MAX_NAME) for name in names[:MAX_LISTED]], room)


def all_or_none(ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids, if there is room for all of them."""
    return kept if len(kept := first_of(ids, ROOM_FOR_IDS)) == len(ids) else ()


def shown(text: str, room: int) -> str:
    """Return the text as one printable line that takes at most ``room`` bytes of JSON."""
    line = printable(text, room)
    while (size := len(json.dumps(line))) > room:
        line = line[: len(line) * room // size - 1].rstrip("…") + "…"
    return line


def recognisable(text: str, room: int) -> str:
    """Return the text as :func:`shown`, with a digest if that is not the whole text: other texts give other lines."""
    if shown(text, room) == text:
        return text
    mark = f"#{sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"
    return f"{shown(text, room - len(mark))}{mark}"


def without_last(data: dict[str, Any], room: int) -> dict[str, Any]:
    """Return the data without the last items of its longest lists, so that it fits into ``room`` bytes of JSON."""
    lists = [list(value) for value in data.values() if isinstance(value, list)]
    shorter = {**data, **dict(zip((name for name in data if isinstance(data[name], list)), lists, strict=True))}
    while len(json.dumps(shorter)) > room and any(lists):
        max(lists, key=lambda items: len(json.dumps(items))).pop()
    return shorter


class TaskResult(Manifest):
    """Base of the results of tasks that change a collection, which their asset events carry too."""

    collection_id: Annotated[str, AfterValidator(partial(shown, room=ROOM_FOR_ID))]

    @property
    def counts(self) -> dict[str, int]:
        """The counts of ``COUNTS`` that it knows."""
        return {}

    @property
    def all_counts(self) -> dict[str, int]:
        """All counts of ``COUNTS``."""
        return {**dict.fromkeys(COUNTS, 0), **self.counts}

    @property
    def outcomes(self) -> dict[str, int]:
        """Documents by what became of them, for metrics."""
        return {name: count for name, count in self.counts.items() if name != "bytes"}

    @property
    def is_dry_run(self) -> bool:
        """``True`` if it was not to change anything."""
        return False

    @property
    def source_uris(self) -> tuple[str, ...]:
        """The URIs of the sources of the collection."""
        return ()

    @property
    def state_change(self) -> str:
        """The change of the collection itself in OpenLineage's words, ``CREATE``, ``ALTER`` or ``DROP``; or nothing."""
        return ""

    def event_extra(self, documents: int | None, seconds: float) -> dict[str, Any]:
        """Return the extra of an asset event: counts, this result, and what else is known.

        :param documents: how many are in the collection now, and ``seconds``: how long the work took.
        """
        return {**self.all_counts, "documents": documents, "seconds": seconds, "report": self.dump()}
