"""Results about files that are in no collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.unattached import Inventory
from airflow_provider_xai_collections.manifests.base import MAX_LISTED, ROOM_FOR_PATH, Manifest, first_names, shown
from airflow_provider_xai_collections.text import counted, escaped


class FileOutcome(StrEnum):
    """Outcome of a file: only found, deleted, or kept because the service says that it is attached."""

    FOUND = "found"
    DELETED = "deleted"
    KEPT = "kept"


class FileLine(Manifest):
    """A line of the report of ``XAIDeleteUnattachedFilesOperator``."""

    version: Literal[1]
    file_id: str
    name: str
    bytes: int
    created_at: datetime | None
    outcome: FileOutcome

    @classmethod
    def each(cls, files: Iterable[File], outcomes: Mapping[str, FileOutcome]) -> Iterator[FileLine]:
        """Make a line for each file; ``outcomes`` are those of files that were not only found, by id."""
        for file in files:
            yield cls(
                version=1,
                file_id=file.id,
                name=escaped(file.filename),
                bytes=file.bytes,
                created_at=file.created_at,
                outcome=outcomes.get(file.id, FileOutcome.FOUND),
            )


class UnattachedFilesManifest(Manifest):
    """Counts of an inventory, and of the files that are in no collection.

    :param files: of the team, and its ``collections``; ``attached`` are the files that are in any of them.
    :param unattached: files in no collection that are old enough and match; ``bytes`` is their size.
    :param deleted: those of them that were deleted; ``kept``: those that the service says are attached after all.
    :param names: the first of them.
    :param report: where the report is, if one was asked for.
    """

    version: Literal[1]
    dry_run: bool
    files: int
    collections: int
    attached: int
    unattached: int
    bytes: int
    deleted: int = 0
    kept: int = 0
    names: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()
    report: str | None = None

    @classmethod
    def of(
        cls,
        inventory: Inventory,
        found: Sequence[File],
        outcomes: Mapping[str, FileOutcome],
        *,
        dry_run: bool,
        report: Any,
    ) -> UnattachedFilesManifest:
        """Return the counts."""
        counts = Counter(outcomes.values())
        return cls(
            version=1,
            dry_run=dry_run,
            files=len(inventory.files),
            collections=len(inventory.collection_ids),
            attached=len(inventory.attached),
            unattached=len(found),
            bytes=sum(file.bytes for file in found),
            deleted=counts[FileOutcome.DELETED],
            kept=counts[FileOutcome.KEPT],
            names=first_names([file.filename for file in found]),
            report=None if report is None else shown(str(report), ROOM_FOR_PATH),
        )

    def __str__(self) -> str:
        size = f"old enough, matched and in no collection: {counted(self.unattached, 'file')} ({self.bytes:,} bytes)"
        if self.dry_run:
            return f"{size}{'. Nothing was deleted: dry_run=False does that' if self.unattached else ''}"
        kept = f", {self.kept} kept, as xAI says that they are attached" if self.kept else ""
        return f"{size}; {self.deleted} deleted{kept}"
