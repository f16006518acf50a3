"""Views to show: full, empty, with gaps, and with hostile texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.plugin.rendering import Page
from airflow_provider_xai_collections.plugin.views import (
    AnswerView,
    AskPage,
    CollectionsPage,
    CollectionView,
    Counts,
    Dag,
    DocumentsPage,
    DocumentView,
    FailedDocumentView,
    FailedGroup,
    FailedPage,
    FieldView,
    FormValues,
    Look,
    PassageView,
    Price,
    ProblemView,
    ProgressView,
    Run,
    RunsPage,
    ScopeView,
    SettingsPage,
    StartPage,
    States,
    StateView,
    Todo,
    Tone,
    Unknown,
)

NOW = datetime(2026, 11, 26, 7, 42, 10, tzinfo=UTC)
FINE = StateView(Tone.OK, "In step", "ok")
FAILED = StateView(Tone.BAD, "14 failed", "bad", needs_a_look=True)
NOT_KNOWN = StateView(Tone.NONE, "Not known", "none")
REASON = "File format not supported. The file does not contain readable text."
LOOK = Look(DEFAULT_CONN_ID, (DEFAULT_CONN_ID,), NOW, failed=23)
NO_ANSWER = Unknown("xAI does not answer.", "No answer within 5 s.", "Run `xai-collections doctor` on the api-server.")
FORBIDDEN = Unknown("Runs are not shown.", "You may not read assets.", "", is_forbidden=True)
GAPS = replace(LOOK, failed=None, unknown=(NO_ANSWER, FORBIDDEN))
NOTHING_CHOSEN = FormValues()
DAG = Dag("sync_tickets", "sync_tickets", "/dags/sync_tickets", owners=("support",))


def run(days: int = 0, **others: Any) -> Run:
    """A run of some days ago that changed something, unless told otherwise."""
    values: dict[str, Any] = {
        "dag_id": "sync_tickets",
        "task_id": "sync",
        "run_id": f"scheduled__{days}",
        "map_index": -1,
        "path": f"/dags/sync_tickets/runs/scheduled__{days}/tasks/sync",
        "state": "success",
        "started": NOW - timedelta(days=days, hours=4),
        "seconds": 252.0,
        "counts": Counts(312, 41, 6, 0, 104_857_600),
        "documents": 100_000 - 100 * days,
        "kept": 99_641,
        "sources": ("s3://support-export/tickets",),
    }
    return Run(**(values | others))


FAILED_RUN = run(1, state="failed", counts=None, documents=None)
PROGRESS = ProgressView("indexing", 531, 857, 0, 1 << 20, 1 << 21, 420, NOW - timedelta(seconds=6))
RUNNING = run(state="running", counts=None, documents=None, seconds=None, progress=PROGRESS)
RUNS = (
    run(
        report="s3://reports/2026-11-26.jsonl",
        counts=Counts(312, 41, 6, 2),
        problems=(ProblemView("a.docx", "failed", REASON),),
    ),
    FAILED_RUN,
    run(2, counts=Counts()),
    run(3, counts=None, documents=None),
    run(4, counts=Counts(4_812, 10, 188)),
)
TICKETS = CollectionView(
    "collection_1", "support-tickets", FAILED, 100_000, 33_715_493_273, States(99_980, 6, 14), RUNS, (DAG,), 119.32
)
EMPTY = CollectionView("collection_2", "scratch", NOT_KNOWN, 0, 0, States(0, 0, 0), monthly=0.0)
#: The service could not be asked about it, and no run said anything.
UNKNOWN = CollectionView("collection_3", "mystery", NOT_KNOWN)
#: The service could not be asked about it, and a run said how many documents it has.
KNOWN_BY_RUNS = replace(TICKETS, documents=None, bytes=None, states=None, monthly=None)


def document(name: str = "2026/11/ticket.html", **others: Any) -> DocumentView:
    """A processed document, unless told otherwise."""
    values: dict[str, Any] = {
        "file_id": "file_1",
        "name": name,
        "source": f"s3://support-export/tickets/{name}",
        "state": StateView(Tone.OK, "Processed", "ok"),
        "bytes": 48_213,
        "chunks": 14,
        "fields": {"queue": "billing", "lang": "en", "tier": "2"},
        "uploaded": NOW - timedelta(hours=5),
        "indexed": NOW - timedelta(hours=4),
    }
    return DocumentView(**(values | others))


FAILED_DOCUMENT = document(
    "a.docx", state=StateView(Tone.BAD, "Failed", "bad", needs_a_look=True), chunks=None, indexed=None, reason=REASON
)
WAITING_DOCUMENT = document("b.pdf", state=StateView(Tone.RUN, "In progress", "run"), chunks=None, indexed=None)

COLLECTIONS = CollectionsPage(
    look=LOOK,
    choice=NOTHING_CHOSEN,
    headline=StateView(Tone.BAD, "1 of 3 collections needs a look", "bad", needs_a_look=True),
    todo=(
        Todo(FAILED, TICKETS, "most often in its last run (9)", REASON, "What to do", "/failed?c=collection_1"),
        Todo(FAILED, TICKETS, "its last run failed", "", "See the task", FAILED_RUN.path, is_airflow=True),
    ),
    collections=(TICKETS, replace(TICKETS, runs=(RUNNING, *RUNS)), EMPTY),
    total=3,
    all_documents=100_000,
    all_bytes=33_715_493_273,
    all_failed=14,
    monthly=119.32,
    recently=Counts(351, 77, 13, 2),
    grown=400,
)
DOCUMENTS = DocumentsPage(
    LOOK,
    NOTHING_CHOSEN,
    TICKETS,
    (document(), FAILED_DOCUMENT, WAITING_DOCUMENT),
    "token-2",
    scopes=("tickets", "default"),
)
RUNS_PAGE = RunsPage(LOOK, NOTHING_CHOSEN, TICKETS, RUNS, ("tickets", "default"))
SETTINGS = SettingsPage(
    LOOK,
    TICKETS,
    (ScopeView("tickets", DAG, "sync", 99_958, RUNS[0]), ScopeView("default", DAG, "ingest", None, RUNS[4])),
    {"Model": "grok-embedding-small"},
    "xai://collections/collection_1",
    (
        FieldView("department", True, False, False, False, "Who owns it"),
        FieldView("airflow_key", False, True, True, True),
    ),
    Price(23.86, 95.46),
)
FAILED_PAGE = FailedPage(
    LOOK,
    NOTHING_CHOSEN,
    (
        FailedGroup(
            REASON,
            'Look into one of the files.\n\nTo leave such files out: `exclude="*.tiff"`.',
            (
                FailedDocumentView(FAILED_DOCUMENT, TICKETS, NOW - timedelta(days=2), RUNS[0], 1, is_new=True),
                FailedDocumentView(
                    replace(FAILED_DOCUMENT, name="c.docx"), TICKETS, NOW - timedelta(days=9), FAILED_RUN, 3
                ),
            ),
        ),
        FailedGroup("", "", (FailedDocumentView(FAILED_DOCUMENT, TICKETS, None),)),
    ),
    {"collection_1": 3},
    ("scratch",),
)
PASSAGES = (
    PassageView(
        0.83, "a.html", "s3://x/a.html", "support-tickets", "collection_1", None, {"lang": "en"}, (("Money.", False),)
    ),
    PassageView(
        0.79,
        "refund-policy.md",
        "",
        "handbook",
        "collection_2",
        7,
        {},
        (("A ", False), ("refund", True), (" is paid.", False)),
        True,
    ),
)
QUESTION = FormValues({"query": "When is a refund paid?", "expect": "refund-policy", "mode": "keyword", "limit": "20"})
NAMES = {"collection_1": "support-tickets", "collection_2": "handbook"}
ASK = AskPage(
    LOOK, QUESTION, NAMES, answer=AnswerView(PASSAGES, 0.42, 2, 'XAISearchDocumentsOperator(task_id="check")')
)
START = StartPage(
    LOOK,
    "There is no collection yet",
    "A Dag makes one.",
    ("Add a connection.", "Write a Dag:\nwith dag():\n    sync()"),
)

HOSTILE = (
    "</td></script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202egnp.exe\n{{ 7 * 7 }}"
    + "W" * 1_000_000
)
_SHORT = HOSTILE[:110]
_BAD = StateView(Tone.BAD, HOSTILE, "bad", needs_a_look=True)
_HOSTILE_DAG = Dag(HOSTILE, HOSTILE, "//evil.example/\t/x", owners=(HOSTILE,))
_HOSTILE_RUN = run(
    dag_id=HOSTILE,
    task_id=HOSTILE,
    path="javascript:alert(3)",
    scope=HOSTILE,
    sources=(HOSTILE,),
    report=HOSTILE,
    problems=(ProblemView(HOSTILE, HOSTILE, HOSTILE),),
)
_HOSTILE_COLLECTION = replace(
    TICKETS, collection_id=_SHORT, name=HOSTILE, state=_BAD, dags=(_HOSTILE_DAG,), runs=(_HOSTILE_RUN, *RUNS)
)
_HOSTILE_LOOK = Look(_SHORT, (_SHORT, "other"), NOW, 3, (Unknown(HOSTILE, HOSTILE, HOSTILE),))
_HOSTILE_DOCUMENT = replace(
    FAILED_DOCUMENT,
    file_id=HOSTILE,
    name=HOSTILE,
    source=HOSTILE,
    fields={HOSTILE: HOSTILE, "b": HOSTILE, "c": HOSTILE},
    reason=HOSTILE,
)
_FIELDS = ("q", "state", "sort", "scope", "query", "expect", "filter", "mode", "limit", "c", "since", "n", "outcome")
_HIDDEN_FIELDS = ("token", "before", "page", "collection_id", "conn")
_HOSTILE_CHOICE = FormValues(dict.fromkeys((*_FIELDS, *_HIDDEN_FIELDS), _SHORT))

#: By what they show; each kind of page is there full, empty, with gaps, and with hostile texts.
PAGES: dict[str, Page] = {
    "collections": COLLECTIONS,
    "collections, fine": replace(COLLECTIONS, todo=(), headline=FINE, total=180, first=51, number=2, pages=4),
    "collections, no match": replace(COLLECTIONS, choice=FormValues({"q": "zzz"}), collections=(), total=0, todo=()),
    "collections, gaps": CollectionsPage(GAPS, NOTHING_CHOSEN, NOT_KNOWN, (), (UNKNOWN, KNOWN_BY_RUNS), 2),
    "collections, hostile": CollectionsPage(
        _HOSTILE_LOOK,
        _HOSTILE_CHOICE,
        _BAD,
        (Todo(_BAD, _HOSTILE_COLLECTION, HOSTILE, HOSTILE, HOSTILE, "//evil.example/\\x"),),
        (_HOSTILE_COLLECTION,),
        1,
    ),
    "documents": DOCUMENTS,
    "documents, running": replace(
        DOCUMENTS, collection=replace(TICKETS, runs=(RUNNING, *RUNS)), is_start=False, before=50
    ),
    "documents, none": replace(DOCUMENTS, collection=EMPTY, documents=(), next_token=""),
    "documents, no match": replace(DOCUMENTS, choice=FormValues({"q": "zzz"}), documents=(), next_token=""),
    "documents, gaps": DocumentsPage(GAPS, NOTHING_CHOSEN, UNKNOWN, None),
    "documents, hostile": DocumentsPage(
        _HOSTILE_LOOK, _HOSTILE_CHOICE, _HOSTILE_COLLECTION, (_HOSTILE_DOCUMENT,), _SHORT, False, 3, (HOSTILE,)
    ),
    "runs": RUNS_PAGE,
    "runs, running": replace(RUNS_PAGE, collection=replace(TICKETS, runs=(RUNNING, *RUNS)), runs=(RUNNING, *RUNS)),
    "runs, none": replace(RUNS_PAGE, collection=EMPTY, runs=()),
    "runs, one": replace(RUNS_PAGE, runs=RUNS[:1]),
    "runs, gaps": replace(
        RUNS_PAGE,
        look=GAPS,
        collection=UNKNOWN,
        runs=(run(started=None, counts=None, documents=None, seconds=None),) * 2,
    ),
    "runs, hostile": RunsPage(
        _HOSTILE_LOOK, _HOSTILE_CHOICE, _HOSTILE_COLLECTION, _HOSTILE_COLLECTION.runs, (HOSTILE,)
    ),
    "settings": SETTINGS,
    "settings, none": replace(SETTINGS, collection=EMPTY, scopes=(), settings={}, fields=(), price=Price(0, 0)),
    "settings, gaps": SettingsPage(GAPS, UNKNOWN, (), {}, "xai://collections/collection_3"),
    "settings, hostile": SettingsPage(
        _HOSTILE_LOOK,
        _HOSTILE_COLLECTION,
        (ScopeView(HOSTILE, _HOSTILE_DAG, HOSTILE, 3, _HOSTILE_RUN),),
        {HOSTILE: HOSTILE},
        HOSTILE,
        (FieldView(HOSTILE, True, True, True, False, HOSTILE),),
    ),
    "failed": FAILED_PAGE,
    "failed, none": FailedPage(replace(LOOK, failed=0), NOTHING_CHOSEN, ()),
    "failed, no match": FailedPage(LOOK, FormValues({"since": "1"}), ()),
    "failed, gaps": FailedPage(GAPS, NOTHING_CHOSEN, None),
    "failed, hostile": FailedPage(
        _HOSTILE_LOOK,
        _HOSTILE_CHOICE,
        (
            FailedGroup(
                HOSTILE,
                HOSTILE,
                (FailedDocumentView(_HOSTILE_DOCUMENT, _HOSTILE_COLLECTION, NOW, _HOSTILE_RUN, 4, True),),
            ),
        ),
        {HOSTILE: 3, _SHORT: 4},
        (HOSTILE,),
    ),
    "ask": ASK,
    "ask, nothing asked": AskPage(LOOK, NOTHING_CHOSEN, NAMES),
    "ask, nothing found": replace(ASK, answer=AnswerView((), 0.1)),
    "ask, in one collection": replace(ASK, collection=TICKETS, answer=AnswerView(PASSAGES[:1], 0.1, 0)),
    "ask, refused": replace(ASK, answer=None, error="The filter could not be read (400, request req_7)."),
    "ask, hostile": AskPage(
        _HOSTILE_LOOK,
        _HOSTILE_CHOICE,
        {HOSTILE: HOSTILE, _SHORT: HOSTILE},
        _HOSTILE_COLLECTION,
        AnswerView(
            (
                PassageView(
                    9.0,
                    HOSTILE,
                    HOSTILE,
                    HOSTILE,
                    _SHORT,
                    3,
                    {HOSTILE: HOSTILE},
                    ((HOSTILE, True), (HOSTILE, False)),
                    True,
                ),
            ),
            1,
            1,
            _SHORT,
        ),
        HOSTILE,
    ),
    "start": START,
    "start, forbidden": StartPage(LOOK, "You may not see this page", "It needs access to `assets`.", is_forbidden=True),
    "start, hostile": StartPage(_HOSTILE_LOOK, HOSTILE, HOSTILE, (HOSTILE, HOSTILE), is_forbidden=True),
}
