"""Indexing of a document: its chunks, and its status at each read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import accumulate

from airflow_provider_xai_collections.api.content_types import PDF
from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.emulator.chunks import DEFAULT_CHUNKING, chunk
from airflow_provider_xai_collections.emulator.delay import Delay
from airflow_provider_xai_collections.emulator.readers.page import TextPage, UnreadableError
from airflow_provider_xai_collections.emulator.records import (
    ChunkRecord,
    CollectionRecord,
    DocumentRecord,
    FileRecord,
)
from airflow_provider_xai_collections.emulator.settings import Settings
from airflow_provider_xai_collections.emulator.store import Store
from airflow_provider_xai_collections.emulator.text import extract, undecoded

_BETWEEN_PAGES = "\n\n"

_TO_PROCESSED: tuple[str, ...] = (
    DocumentStatus.PROCESSING,
    DocumentStatus.CHUNKED,
    DocumentStatus.EMBEDDING,
    DocumentStatus.WRITING,
    DocumentStatus.PROCESSED,
)
_TO_FAILED: tuple[str, ...] = (DocumentStatus.PROCESSING, DocumentStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a document.

    :param finished_at: ``None`` while it is in progress.
    """

    status: str
    chunks_processed: int
    finished_at: float | None

    @property
    def is_processed(self) -> bool:
        return self.status == DocumentStatus.PROCESSED


class Indexing:
    """Indexing: chunks are made at once, with the chunking of that moment; only the status takes its time."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._delay = Delay.parse(settings.indexing)
        self._search_lag = Delay.parse(settings.search_lag)

    def start(self, collection: CollectionRecord, document: DocumentRecord) -> None:
        """Index a document, for the first time or again."""
        error, chunks = "", list[ChunkRecord]()
        try:
            chunks = list(self._chunks(collection, document.file, document.fields))
        except UnreadableError as unreadable:
            error = str(unreadable)
        begun = replace(document, started_at=self._clock(), finished_at=None, error_message=error, reads=0)
        self._store.save_document(begun, chunks)

    def read(self, document: DocumentRecord) -> Progress:
        """Return the progress, and count a read, which is progress where the delay is one of reads."""
        progress = self.progress(document)
        if self._delay.unit == "reads" and progress.finished_at is None:
            self._store.bump(document, "reads")
        return progress

    def progress(self, document: DocumentRecord) -> Progress:
        """Return the progress, without counting as a read."""
        path = self._path(document)
        steps = len(path) - 1
        stage = self._stage(document, steps)
        return Progress(
            status=path[stage],
            chunks_processed=document.chunk_count * stage // steps,
            finished_at=self._finished_at(document) if stage == steps else None,
        )

    def is_searchable(self, document: DocumentRecord) -> bool:
        """Tell whether a search finds it: PROCESSED, and past the lag."""
        progress = self.progress(document)
        if not progress.is_processed or progress.finished_at is None:
            return False
        match self._search_lag.unit:
            case "reads" if document.hidden_searches < self._search_lag.amount:
                self._store.bump(document, "hidden_searches")
                return False
            case "seconds":
                return self._clock() >= progress.finished_at + self._search_lag.amount
            case _:
                return True

    def _chunks(
        self, collection: CollectionRecord, file: FileRecord, fields: Mapping[str, str]
    ) -> Iterable[ChunkRecord]:
        if _matches(file.filename, self._settings.fail_names):
            raise UnreadableError("failed on order of fail_names")
        if not file.size and self._settings.empty_file == "fail":
            raise UnreadableError("the file is empty")
        definition = collection.definition
        injected = [
            f"{field.key}: {fields[field.key]}"
            for field in definition.field_definitions or ()
            if field.inject_into_chunk and field.key in fields
        ]
        chunking = definition.chunk_configuration or DEFAULT_CHUNKING
        pages = self._pages(file)
        # A passage may reach over several pages, and is said to be on that where it starts.
        starts = list(accumulate((len(page.text) + len(_BETWEEN_PAGES) for page in pages), initial=0))
        text = _BETWEEN_PAGES.join(page.text for page in pages)
        for passage in chunk(text, chunking, name=file.filename, injected=injected):
            yield ChunkRecord(passage, pages[bisect_right(starts, passage.start) - 1].number)

    def _pages(self, file: FileRecord) -> list[TextPage]:
        content = self._store.file_content(file.file_id)
        if file.content_type == PDF and not file.typed and self._settings.files_text == "raw":
            return undecoded(content)
        return extract(content, file.content_type)

    def _path(self, document: DocumentRecord) -> tuple[str, ...]:
        if document.error_message:
            return _TO_FAILED
        first, *rest = _TO_PROCESSED
        word = self._settings.unknown_status_word
        return (first, word, *rest) if word else _TO_PROCESSED

    def _stage(self, document: DocumentRecord, steps: int) -> int:
        if _matches(document.file.filename, self._settings.stuck):
            return 0
        if self._delay.unit == "reads":
            return min(steps, document.reads // int(self._delay.amount))
        # A wall clock may be set back.
        elapsed = max(0.0, self._clock() - document.started_at)
        return steps if elapsed >= self._delay.amount else int(elapsed / self._delay.amount * steps)

    def _finished_at(self, document: DocumentRecord) -> float:
        """Return the end of indexing: by the clock, or when a read found it finished."""
        if self._delay.unit != "reads":
            return document.started_at + self._delay.amount
        if document.finished_at is not None:
            return document.finished_at
        self._store.finish_document(document, now := self._clock())
        return now


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
