"""Summary of a wait, and the trigger event that carries it."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Annotated, Any, Literal

from pydantic import Field

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.manifests.base import (
    MAX_LISTED,
    MAX_NAME,
    ROOM_FOR_DOUBTS,
    ROOM_FOR_EVENT,
    ROOM_FOR_FAILURES,
    ROOM_FOR_IDS,
    ROOM_FOR_PENDING,
    Manifest,
    first_names,
    first_of,
    without_last,
)
from airflow_provider_xai_collections.text import NAMED, printable

#: Characters of a reason that the service gives.
MAX_REASON = 200
#: Our errors by name, as a trigger names them.
_ERRORS: dict[str | None, type[XAIError]] = {
    name: kind for name, kind in vars(exceptions).items() if isinstance(kind, type) and issubclass(kind, XAIError)
}


class Failure(Manifest):
    """A document that the service could not index."""

    file_id: str
    name: str
    reason: str

    @classmethod
    def of(cls, failed: FailedDocument) -> Failure:
        return cls(
            file_id=failed.file_id, name=printable(failed.name, MAX_NAME), reason=printable(failed.reason, MAX_REASON)
        )


class Doubtful(Manifest):
    """A processed document that may not be as it should."""

    file_id: str
    name: str
    reason: str
    altered: bool

    @classmethod
    def of(cls, doubt: Doubt) -> Doubtful:
        return cls(
            file_id=doubt.file_id,
            name=printable(doubt.name, MAX_NAME),
            reason=printable(doubt.reason, MAX_REASON),
            altered=doubt.altered,
        )


class WaitSummary(Manifest):
    """The end of a wait: counts, and the first documents that are not processed.

    :param doubtful: processed documents whose text may not have been extracted, by their type or their chunks;
        ``altered``: documents whose content is not what was sent, by the service's own hash.
    :param doubts: the first of both.
    :param pending_names: of the first of ``pending_ids``, in their order; empty where it is not known.
    """

    version: Literal[1]
    end: WaitEnd
    processed: int
    failed: int
    missing: int
    pending: int
    failures: Annotated[tuple[Failure, ...], Field(max_length=MAX_LISTED)]
    missing_ids: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)]
    pending_ids: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)]
    doubtful: int
    altered: int
    doubts: Annotated[tuple[Doubtful, ...], Field(max_length=MAX_LISTED)]
    pending_names: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()

    @classmethod
    def of(cls, result: WaitResult) -> WaitSummary:
        return cls(
            version=1,
            end=result.end,
            processed=len(result.processed),
            failed=len(result.failed),
            missing=len(result.missing),
            pending=len(result.pending),
            failures=first_of([Failure.of(failed) for failed in result.failed[:MAX_LISTED]], ROOM_FOR_FAILURES),
            missing_ids=first_of(result.missing, ROOM_FOR_IDS),
            pending_ids=first_of(result.pending, ROOM_FOR_IDS),
            doubtful=sum(not doubt.altered for doubt in result.doubts),
            altered=sum(doubt.altered for doubt in result.doubts),
            doubts=first_of([Doubtful.of(doubt) for doubt in result.doubts[:MAX_LISTED]], ROOM_FOR_DOUBTS),
            pending_names=first_names(
                [result.names.get(file_id, "") for file_id in result.pending[:NAMED]] if result.names else [],
                ROOM_FOR_PENDING,
            ),
        )

    @property
    def pending_documents(self) -> list[str]:
        """The first documents in progress, for messages: names and ids."""
        named = zip_longest(self.pending_ids, self.pending_names[: len(self.pending_ids)], fillvalue="")
        return [f"{name} [{file_id}]" if name else file_id for file_id, name in named]

    @property
    def total(self) -> int:
        return self.processed + self.failed + self.missing + self.pending


class WaitEvent(Manifest):
    """Event of the trigger: a summary, or the error that ended the wait; and the ``manifest`` that the task gave it."""

    version: Literal[1]
    summary: WaitSummary | None = None
    error: str | None = None
    error_type: str | None = None
    manifest: dict[str, Any] | None = None

    def summary_or_error(self) -> WaitSummary:
        """Return the summary, or raise the error that ended the wait."""
        if self.summary is None:
            raise _ERRORS.get(self.error_type, XAIError)(
                self.error or "the trigger ended without a reason: see the triggerer's log"
            )
        return self.summary

    def dump(self) -> dict[str, Any]:
        data = super().dump()
        if self.summary is not None:
            others = len(json.dumps({**data, "summary": None}))
            data["summary"] = without_last(data["summary"], ROOM_FOR_EVENT - others)
        return data
