"""What all manifests share. They are trigger events and XComs: versioned, bounded, and checked on arrival."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.exceptions import XAIError

#: Ids and failures a manifest lists; beyond it carries only their number.
CAP = 50
#: Characters of a document's name.
NAME = 100
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
#: What a task may have done to a collection, as its asset event counts it.
COUNTS = ("added", "replaced", "removed", "failed", "bytes")

M = TypeVar("M", bound="Manifest")
Item = TypeVar("Item", bound="str | Manifest")


class Manifest(BaseModel):
    """Base of all that crosses a border. An unknown or missing field fails loudly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> dict[str, Any]:
        """As JSON types."""
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
    """The first items: at most ``CAP``, and no more than fit into ``room`` bytes of JSON."""
    kept: list[Item] = []
    for item in items[:CAP]:
        room -= len(json.dumps(item.dump() if isinstance(item, Manifest) else item)) + len(", ")
        if room < 0:
            break
        kept.append(item)
    return tuple(kept)


def first_names(names: Sequence[str], room: int = ROOM_FOR_NAMES) -> tuple[str, ...]:
    """As :func:`first_of`, of names that others gave."""
    return first_of([printable(name, NAME) for name in names[:CAP]], room)


def all_or_none(ids: Sequence[str]) -> tuple[str, ...]:
    """The ids, if there is room for all of them."""
    return kept if len(kept := first_of(ids, ROOM_FOR_IDS)) == len(ids) else ()


def shown(text: str, room: int) -> str:
    """The text as one printable line that takes at most ``room`` bytes of JSON."""
    line = printable(text, room)
    while (size := len(json.dumps(line))) > room:
        line = line[: len(line) * room // size - 1].rstrip("…") + "…"
    return line


def recognisable(text: str, room: int) -> str:
    """As :func:`shown`, and different for different texts: one that is not shown as it is ends in a digest."""
    if shown(text, room) == text:
        return text
    mark = f"#{sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"
    return f"{shown(text, room - len(mark))}{mark}"


def without_last(data: dict[str, Any], room: int) -> dict[str, Any]:
    """The data with the last items of its longest lists left out, until it fits into ``room`` bytes of JSON."""
    lists = [list(value) for value in data.values() if isinstance(value, list)]
    shorter = {**data, **dict(zip((name for name in data if isinstance(data[name], list)), lists, strict=True))}
    while len(json.dumps(shorter)) > room and any(lists):
        max(lists, key=lambda items: len(json.dumps(items))).pop()
    return shorter


class Report(Manifest):
    """What a task did to a collection: its result, and what those who wait for the collection are told."""

    collection_id: Annotated[str, AfterValidator(partial(shown, room=ROOM_FOR_ID))]

    @property
    def counts(self) -> dict[str, int]:
        """Those of ``COUNTS`` that it knows."""
        return {}

    @property
    def all_counts(self) -> dict[str, int]:
        """Each of ``COUNTS``."""
        return {**dict.fromkeys(COUNTS, 0), **self.counts}

    @property
    def is_dry_run(self) -> bool:
        """Whether it was never meant to change anything."""
        return False

    @property
    def source_uris(self) -> tuple[str, ...]:
        """URIs of what went into the collection."""
        return ()

    @property
    def state_change(self) -> str:
        """What became of the collection itself, in OpenLineage's words: ``CREATE``, ``ALTER``, ``DROP``, or nothing."""
        return ""

    def event_extra(self, documents: int | None) -> dict[str, Any]:
        """The extra of an asset event: the counts and the report itself.

        :param documents: how many the collection holds now; ``None`` if nobody knows.
        """
        return {**self.all_counts, "documents": documents, "report": self.dump()}
