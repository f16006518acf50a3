"""The parts of a run that several tasks share, in a folder that all of them reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.manifests.json_lines import exists, read_lines, write_lines
from airflow_provider_xai_collections.sync.documents import Action, Row
from airflow_provider_xai_collections.sync.manifest import Handover
from airflow_provider_xai_collections.sync.report import ReportLine

#: Documents for which a task of its own is worth while.
WORTH_A_TASK = 25


class PlannedRow(Manifest):
    """A document that a task is to place."""

    version: Literal[1] = 1
    row: Row


class Shards(Manifest):
    """The plan of a run in parts, as the task that plans hands it on to the others.

    :param before: what is known before anything is placed.
    :param began: when the work began, in seconds since the epoch.
    :param folder: where the parts are, and where their tasks tell what they did.
    :param count: how many parts there are, and ``documents``: how many they have together.
    """

    version: Literal[1] = 1
    before: Handover
    began: float
    folder: str
    count: int
    documents: int

    def range_of(self, number: int) -> tuple[int, int]:
        """Return the first and the last document of a part, where those of all parts are counted through from 1."""
        each, larger = divmod(self.documents, self.count)  # as :func:`in_shards` cuts them
        first = number * each + min(number, larger) + 1
        return first, first + each - (number >= larger)

    def write_rows(self, parts: Iterable[Sequence[Row]]) -> None:
        """Write the rows of each part."""
        for number, rows in enumerate(parts):
            write_lines(self._path("plan", number), (PlannedRow(row=row) for row in rows))

    def rows(self, number: int) -> list[Row]:
        """Read the rows of one part."""
        return [line.row for line in read_lines(self._path("plan", number), PlannedRow)]

    def write_result(self, number: int, handover: Handover, rows: Iterable[Row]) -> None:
        """Write what became of one part."""
        self.write_report(number, rows)
        write_lines(self._path("result", number), [handover])

    def write_report(self, number: int | None, rows: Iterable[Row]) -> None:
        """Write the report of one part; ``None``: of what no part has to do."""
        write_lines(self._path("report", number), map(ReportLine.of, rows))

    def result(self, number: int) -> Handover | None:
        """Read what became of one part; ``None``: its task has told nothing.

        :raises XAISourceError: that cannot be found out.
        """
        path = self._path("result", number)
        return next(read_lines(path, Handover)) if exists(path) else None

    def report(self, number: int) -> Iterator[ReportLine]:
        """Read the report of one part that has told what it did."""
        return read_lines(self._path("report", number), ReportLine)

    def all_reports(self) -> Iterator[ReportLine]:
        """Read the reports of the whole run, as far as its tasks have told what they did."""
        yield from read_lines(self._path("report", None), ReportLine)
        for number in range(self.count):
            if exists(self._path("result", number)):
                yield from self.report(number)

    def _path(self, what: str, number: int | None) -> str:
        return f"{self.folder}/{what}-{'plan' if number is None else f'{number:04}'}.jsonl"


def needs_work(row: Row) -> bool:
    """Tell whether a document is uploaded, or waited for."""
    return row.action.uploads or row.action is Action.AWAIT


def in_shards(rows: Iterable[Row], at_most: int) -> list[Sequence[Row]]:
    """Cut the work into parts that are about equally large."""
    work = sorted(filter(needs_work, rows), key=lambda row: row.size, reverse=True)
    count = min(at_most, -(-len(work) // WORTH_A_TASK))
    return [work[number::count] for number in range(count)]
