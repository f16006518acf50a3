"""Values that the pages show: decided, without markup and without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Tone(StrEnum):
    """Look of a state: fine, bad, worth a look, running, or nothing known."""

    OK = "ok"
    BAD = "bad"
    WARN = "warn"
    RUN = "run"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StateView:
    """A state as people read it.

    :param word: a few words, such as "14 failed".
    :param icon: of ``ok``, ``bad``, ``warn``, ``run``, ``pause``, ``none``, ``lock``, ``plug``.
    :param needs_a_look: somebody should do something about it; such states are filled, and come first.
    """

    tone: Tone
    word: str
    icon: str
    needs_a_look: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """A side that could not be asked: the page shows what else is known, and says so.

    :param what: what is not known, as a sentence.
    :param why: as a sentence.
    :param next_step: what to do, as a sentence.
    :param is_forbidden: the user may not see it; otherwise there was a fault.
    """

    what: str
    why: str
    next_step: str = ""
    is_forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Head and notes of each page: what was read, when, with which connection.

    :param conn_id: the connection that is used.
    :param connections: those to choose from, that one among them.
    :param at: when, in UTC.
    :param failed: failed documents in all collections, as far as that is known.
    :param unknown: what could not be read.
    """

    conn_id: str
    connections: tuple[str, ...]
    at: datetime
    failed: int | None = None
    unknown: tuple[Unknown, ...] = ()


@dataclass(frozen=True, slots=True)
class States:
    """Documents of a collection by state.

    :param processed: at most, if ``is_at_least``.
    :param is_at_least: there are more in progress or failed than one page of the service's list holds.
    """

    processed: int
    in_progress: int
    failed: int
    is_at_least: bool = False

    @property
    def total(self) -> int:
        """All documents."""
        return self.processed + self.in_progress + self.failed


@dataclass(frozen=True, slots=True)
class Counts:
    """Changes that a run made; ``failed`` are documents that it could not add or replace."""

    added: int = 0
    replaced: int = 0
    removed: int = 0
    failed: int = 0
    bytes: int = 0

    @property
    def is_nothing(self) -> bool:
        """``True`` if the run had nothing to do."""
        return not (self.added or self.replaced or self.removed or self.failed)


@dataclass(frozen=True, slots=True)
class ProblemView:
    """A document that a run could not add or replace, and why."""

    name: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProgressView:
    """Progress of a running task.

    :param stage: its own word, such as ``uploading`` or ``indexing``.
    :param seconds_left: ``None`` if it cannot be told.
    """

    stage: str
    documents: int
    total: int
    failed: int
    bytes: int
    bytes_total: int
    seconds_left: float | None
    updated: datetime

    @property
    def share(self) -> float | None:
        """The share that is done, from 0 to 1; ``None`` if that cannot be told."""
        return min(1.0, self.documents / self.total) if self.total else None


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a task that changes a collection.

    :param path: of its page in Airflow, below the base URL, such as ``/dags/sync_docs/runs/manual__1/tasks/sync``.
    :param state: Airflow's word for the task: ``success``, ``failed``, ``running``, ``deferred`` …
    :param counts: what it changed; ``None`` if it did not say, as a failed one.
    :param documents: in the collection after it.
    :param kept: documents that were there already.
    :param report: where the report with a line for each document is.
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    path: str
    state: str
    started: datetime | None = None
    seconds: float | None = None
    counts: Counts | None = None
    documents: int | None = None
    kept: int | None = None
    scope: str = ""
    sources: tuple[str, ...] = ()
    report: str = ""
    problems: tuple[ProblemView, ...] = ()
    progress: ProgressView | None = None

    @property
    def has_failed(self) -> bool:
        """``True`` if the task itself failed."""
        return self.state in ("failed", "upstream_failed")

    @property
    def is_running(self) -> bool:
        """``True`` while it works or waits."""
        return self.state in ("running", "deferred", "queued", "scheduled", "up_for_retry", "restarting")


@dataclass(frozen=True, slots=True)
class Dag:
    """A Dag whose tasks change a collection.

    :param path: of its page in Airflow, below the base URL.
    """

    dag_id: str
    name: str
    path: str
    is_paused: bool = False
    owners: tuple[str, ...] = ()
    next_run: datetime | None = None


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A collection: what the service says of it, and what runs did to it.

    :param documents: ``None`` if the service could not be asked; the last run may know then.
    :param bytes: size of its files.
    :param states: ``None`` if they were not read.
    :param state: how it is, in a few words.
    :param runs: newest first; the first may be running.
    :param monthly: what its storage costs in a month, in dollars; ``None`` if the size is not known.
    """

    collection_id: str
    name: str
    state: StateView
    documents: int | None = None
    bytes: int | None = None
    states: States | None = None
    runs: tuple[Run, ...] = ()
    dags: tuple[Dag, ...] = ()
    monthly: float | None = None

    @property
    def last_run(self) -> Run | None:
        """The newest run."""
        return self.runs[0] if self.runs else None

    @property
    def sources(self) -> tuple[str, ...]:
        """Where its documents come from, as far as runs have said."""
        return tuple(dict.fromkeys(source for run in self.runs for source in run.sources))

    @property
    def growth(self) -> tuple[int, ...]:
        """The number of documents after each run that said it, oldest first."""
        return tuple(run.documents for run in reversed(self.runs) if run.documents is not None)


@dataclass(frozen=True, slots=True)
class Todo:
    """Something that needs somebody: one line above the table.

    :param text: what, why and since when; without the name of the collection.
    :param action: what the link says; ``path`` where it leads, in Airflow if ``is_airflow``, else below this page.
    """

    state: StateView
    collection: CollectionView
    text: str
    quote: str = ""
    action: str = ""
    path: str = ""
    is_airflow: bool = False


@dataclass(frozen=True, slots=True)
class FormValues:
    """Names and values of the fields of a form that was sent."""

    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return the value of a field; nothing if it is empty."""
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True)
class CollectionsPage:
    """The first page.

    :param headline: how all is, in a few words.
    :param collections: those of this page, in their order.
    :param total: how many there are with this choice; ``first`` is the number of the first one here, from 1.
    :param number: of the page, from 1; ``pages``: how many there are.
    :param all_documents: ``None`` if that is not known, as ``all_bytes``, ``all_failed`` and ``monthly``.
    :param failed_is_at_least: there may be more failed documents, in collections that are not shown or not known.
    :param recently: what runs of the last 24 hours changed.
    :param grown: by how many documents, over the runs that are shown.
    """

    look: Look
    choice: FormValues
    headline: StateView
    todo: tuple[Todo, ...]
    collections: tuple[CollectionView, ...]
    total: int
    first: int = 1
    number: int = 1
    pages: int = 1
    all_documents: int | None = None
    all_bytes: int | None = None
    all_failed: int | None = None
    failed_is_at_least: bool = False
    monthly: float | None = None
    recently: Counts = Counts()
    grown: int = 0


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document of a collection.

    :param source: its source URI; nothing if none is known.
    :param fields: those that are not the provider's own.
    :param reason: why it failed, as the service says it; or how many chunks are done.
    """

    file_id: str
    name: str
    source: str
    state: StateView
    bytes: int
    chunks: int | None
    fields: Mapping[str, str]
    uploaded: datetime | None
    indexed: datetime | None
    reason: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class DocumentsPage:
    """The documents of one collection, one page of them.

    :param documents: ``None`` if they could not be read.
    :param next_token: of the next page; nothing if this is the last.
    :param is_start: this is the first page.
    :param before: documents on the pages before this one.
    :param scopes: to choose from.
    """

    look: Look
    choice: FormValues
    collection: CollectionView
    documents: tuple[DocumentView, ...] | None
    next_token: str = ""
    is_start: bool = True
    before: int = 0
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The runs of one collection, newest first; ``scopes`` to choose from."""

    look: Look
    choice: FormValues
    collection: CollectionView
    runs: tuple[Run, ...]
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopeView:
    """A scope of a collection: which task adds what.

    :param documents: how many documents it has, by the last run that said so.
    """

    scope: str
    dag: Dag
    task_id: str
    documents: int | None
    last_run: Run


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field that documents of a collection can have."""

    key: str
    is_required: bool
    is_unique: bool
    is_in_chunks: bool
    is_managed: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class Price:
    """Cost of a collection in a month, in dollars, at xAI's list prices."""

    files: float
    index: float

    @property
    def together(self) -> float:
        """All of it."""
        return self.files + self.index


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The settings of one collection, and what it costs.

    :param settings: names and values, as people read them.
    :param fields: ``None`` if the service could not be asked, as ``price``.
    """

    look: Look
    collection: CollectionView
    scopes: tuple[ScopeView, ...]
    settings: Mapping[str, str]
    asset_uri: str
    fields: tuple[FieldView, ...] | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class FailedDocumentView:
    """A failed document.

    :param since: when it was uploaded; ``run`` is the first run that named it, if one did.
    :param runs: how many of the runs that are known have named it.
    :param is_new: since the last run of its collection.
    """

    document: DocumentView
    collection: CollectionView
    since: datetime | None
    run: Run | None = None
    runs: int = 0
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class FailedGroup:
    """Failed documents with the same reason.

    :param reason: as the service says it.
    :param advice: what to do, as paragraphs.
    """

    reason: str
    advice: str
    documents: tuple[FailedDocumentView, ...]


@dataclass(frozen=True, slots=True)
class FailedPage:
    """Failed documents over all collections.

    :param groups: the largest first; ``None`` if the service could not be asked.
    :param collections: those to choose from, with how many failed documents they have.
    :param unread: names of collections that could not be read.
    :param is_at_least: a collection has more failed documents than were read.
    """

    look: Look
    choice: FormValues
    groups: tuple[FailedGroup, ...] | None
    collections: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    is_at_least: bool = False

    @property
    def total(self) -> int:
        """All failed documents that are shown."""
        return sum(len(group.documents) for group in self.groups or ())


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage that answers a question.

    :param parts: its text; where the flag is set, words of the question.
    """

    score: float
    name: str
    source: str
    collection: str
    collection_id: str
    page: int | None
    fields: Mapping[str, str]
    parts: tuple[tuple[str, bool], ...]
    is_expected: bool = False


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The answer to a question.

    :param passages: best first.
    :param seconds: how long the search took.
    :param expected: which passage is from the expected document, from 1; 0 if none is, ``None`` if none was expected.
    :param check: a task that would check it each night.
    """

    passages: tuple[PassageView, ...]
    seconds: float = 0.0
    expected: int | None = None
    check: str = ""

    @property
    def best_score(self) -> float:
        """The highest score, by which others are measured; 1 if there is none above 0."""
        return max((passage.score for passage in self.passages if passage.score > 0), default=1.0)


@dataclass(frozen=True, slots=True)
class AskPage:
    """A question and its answer.

    :param collections: ids and names to choose from.
    :param collection: if the page is that of one collection.
    :param answer: ``None`` if nothing was asked, or there is none.
    :param error: why there is no answer, as a sentence.
    """

    look: Look
    choice: FormValues
    collections: Mapping[str, str]
    collection: CollectionView | None = None
    answer: AnswerView | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class StartPage:
    """The page where there is no collection yet, or nobody may look: a headline and what to do."""

    look: Look
    headline: str
    text: str
    steps: tuple[str, ...] = ()
    is_forbidden: bool = False
