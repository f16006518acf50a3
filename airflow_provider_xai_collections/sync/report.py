"""The report of a run: one line of JSON for each document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, Self

from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row
from airflow_provider_xai_collections.text import escaped, printable

#: Characters of a reason.
WHOLE_REASON = 2_000


class ReportLine(Manifest):
    """One document in a report.

    :param action: what it needed; ``outcome``: what became of it, ``None`` in a dry run.
    :param file_id: the document of the collection that holds it.
    :param removed: documents that were removed for it.
    :param bytes: size of the source.
    :param seconds: it took so long to upload and attach.
    :param reason: why it is not as wanted.
    :param doubt: why it may not be as it should, although nothing failed.
    """

    version: Literal[1] = 1
    uri: str
    name: str
    action: Action
    outcome: Outcome | None = None
    file_id: str = ""
    removed: tuple[str, ...] = ()
    bytes: int = 0
    seconds: float = 0.0
    reason: str = ""
    doubt: str = ""

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return the line of a document; names and reasons, which others wrote, are printable and hold no key."""
        return cls(
            uri=escaped(row.uri),
            name=escaped(row.name.encode(errors="backslashreplace").decode()),
            action=row.action,
            outcome=row.outcome,
            file_id=row.file_id,
            removed=row.removed,
            bytes=row.size,
            seconds=round(row.seconds, 3),
            reason=printable(row.reason, WHOLE_REASON),
            doubt=printable("; ".join(row.doubts), WHOLE_REASON),
        )

    @property
    def was_placed(self) -> bool:
        """Tell whether the document was in the collection."""
        return self.outcome in (Outcome.PROCESSED, Outcome.IN_PROGRESS, Outcome.FAILED)

    def then(self, found: Row) -> ReportLine:
        """Return the line with what another process found of the document, after this one had placed it."""
        line = self.of(found)
        removed = tuple(dict.fromkeys((*self.removed, *line.removed)))
        doubt = self.doubt
        if line.doubt not in doubt:
            doubt = printable("; ".join(filter(None, (doubt, line.doubt))), WHOLE_REASON)
        if found.outcome is not None:
            known = {"outcome": line.outcome, "file_id": line.file_id or self.file_id, "reason": line.reason}
        elif self.was_placed and has_vanished(found):
            known = {"outcome": Outcome.ERROR, "reason": VANISHED}
        else:
            known = {}
        return self.model_copy(update={**known, "removed": removed, "doubt": doubt})


#: Of a document that was attached, and is not there when it is looked for.
VANISHED = "it is no longer in the collection"


def has_vanished(found: Row) -> bool:
    """Tell of a document that was placed whether nothing of it is left."""
    return found.action is Action.ADD and found.outcome is None and not found.older


def merged(earlier: Iterable[ReportLine], rows: Iterable[Row]) -> Iterator[ReportLine]:
    """Return the report of a run.

    :param earlier: the lines of the processes that placed its documents, and ``rows``: what the last one found.
    """
    before = {line.uri: line for line in earlier}
    uri_of = {line.file_id: line.uri for line in before.values() if line.file_id}
    for row in rows:
        if (line := before.pop(uri_of.get(row.file_id, escaped(row.uri)), None)) is not None:
            yield line.then(row)
        elif row.outcome is not None and row.file_id not in uri_of:  # what is new since then is the next run's
            yield ReportLine.of(row)
    yield from before.values()
