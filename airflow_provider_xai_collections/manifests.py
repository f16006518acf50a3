"""What crosses a process border: trigger events and XComs. Versioned, bounded, and checked on arrival."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from airflow_provider_xai_collections.api.errors import printable
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.exceptions import XAIError

#: Ids and failures a manifest lists; beyond it carries only their number.
CAP = 50
#: Characters of a document's name, and of a service's reason.
NAME = 100
REASON = 200
#: Bytes of JSON that each list may take, where one character may need twelve: a manifest stays below 16 KB.
ROOM_FOR_FAILURES = 5_000
ROOM_FOR_IDS = 2_400
ROOM_FOR_NAMES = 1_600

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


class Failure(Manifest):
    """A document that the service could not index."""

    file_id: str
    name: str
    reason: str

    @classmethod
    def of(cls, failed: FailedDocument) -> Failure:
        return cls(file_id=failed.file_id, name=printable(failed.name, NAME), reason=printable(failed.reason, REASON))


def _first(items: Sequence[Item], room: int) -> tuple[Item, ...]:
    """The first items: at most ``CAP``, and no more than fit into ``room`` bytes of JSON."""
    kept: list[Item] = []
    for item in items[:CAP]:
        room -= len(json.dumps(item.dump() if isinstance(item, Manifest) else item)) + len(", ")
        if room < 0:
            break
        kept.append(item)
    return tuple(kept)


class WaitSummary(Manifest):
    """How a wait ended: counts, and the first few documents that did not make it."""

    version: Literal[1]
    end: WaitEnd
    processed: int
    failed: int
    missing: int
    pending: int
    failures: Annotated[tuple[Failure, ...], Field(max_length=CAP)]
    missing_ids: Annotated[tuple[str, ...], Field(max_length=CAP)]
    pending_ids: Annotated[tuple[str, ...], Field(max_length=CAP)]
    untyped: Annotated[tuple[str, ...], Field(max_length=CAP)]

    @classmethod
    def of(cls, result: WaitResult) -> WaitSummary:
        return cls(
            version=1,
            end=result.end,
            processed=len(result.processed),
            failed=len(result.failed),
            missing=len(result.missing),
            pending=len(result.pending),
            failures=_first([Failure.of(failed) for failed in result.failed[:CAP]], ROOM_FOR_FAILURES),
            missing_ids=_first(result.missing, ROOM_FOR_IDS),
            pending_ids=_first(result.pending, ROOM_FOR_IDS),
            untyped=_first([printable(name, NAME) for name in result.untyped[:CAP]], ROOM_FOR_NAMES),
        )

    @property
    def total(self) -> int:
        return self.processed + self.failed + self.missing + self.pending


class DocumentsManifest(Manifest):
    """What a task that brings documents into a collection returns.

    :param file_ids: the documents, if they are few enough; else an empty list, and ``total`` says how many there are.
    :param possible_orphans: uploads whose answer was lost; each may have left a file nothing refers to.
    :param older_versions: documents that hold other content of the same sources; they were left alone.
    """

    version: Literal[1]
    collection_id: str
    total: int
    added: int
    already_there: int
    possible_orphans: int = 0
    older_versions: int = 0
    file_ids: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    wait: WaitSummary | None = None


class WaitEvent(Manifest):
    """What the trigger tells the task: a summary or the error that ended the wait, and what the task had it keep."""

    version: Literal[1]
    summary: WaitSummary | None = None
    error: str | None = None
    error_type: str | None = None
    manifest: DocumentsManifest | None = None
