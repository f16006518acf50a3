"""The live suite on the emulator: it works, tells what the service does, and keeps to its budget."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from tests.conftest import RecordingEmulator, playing
from tests.operators.stage import Xai

from .conftest import Play, holds
from .meter import Budget
from .open_points import POINTS
from .scenarios import SCENARIOS

#: An emulator that does in each point what the default one does not.
OTHER = playing(
    indexing="reads:2",
    attach_twice="ok",
    batch_get_unknown="error",
    batch_get_max=150,
    batch_get_max_status=414,
    get_lag_reads=2,
    required_violation_status=422,
    unique_violation_status=400,
    violation_text="no | such",
    empty_file="fail",
    delete_attached_file="refuse",
    direct_upload_answer="error",
    empty_arrays="absent",
    pagination_end="empty",
    last_indexed_at_null=True,
    search_lag="reads:1",
    undeclared_fields="keep",
    add_existing_field="refuse",
    new_required_field="accept",
    files_text="extract",
    files_order="ascending",
    max_page=1,
)
#: By the beginning of the question: what the answer contains on the default emulator, and on the other.
ANSWERS = {
    "batchGet: what does an id do": ("left out, 1 of 2", "the call is refused: 404"),
    "batchGet: how many ids": ("500 at least (different ids, 2", "100 are taken, 200 are not (the same id"),
    "Attach: the same file twice?": ("same fields: 409 ", "same fields: 200 {}; other fields: 200 {}"),
    "Attach: is the document there": ("GET: 200, there at try 1 ", "GET: 404, there at try 3 "),
    "Fields: status and text when a required": ("author is required", "422 "),
    "Fields: status and text when a unique": ("409 ", "400 "),
    "Fields: what becomes of one that is not": ("have the fields []", "have the fields [{'nobody_declared_me': 'x'}]"),
    "Fields: what does an ADD": ("the definition is updated", "the definition stays as it was"),
    "Fields: may a new one be required?": ("400 ", "; it is required"),
    "Files: what becomes of an empty one?": ("attached; then processed", "attached; then failed: "),
    "The one-call upload: its answer?": ("200 ", "500 "),
    "A PDF by one call": ("PROCESSED; stored as the type it is; 1 chunks of ", "refused: 500 "),
    "A PDF by two calls": ("a search does not find its text, in 2 tries; doubted: ", "; a search finds its text"),
    "A DOCX by one call": ("was sent; a search finds its text", "refused: 500 "),
    "A DOCX by two calls": ("; the service says: File format not supported", "; a search finds its text"),
    "Documents: what is `hash`": ("`last_indexed_at` a time", "`last_indexed_at` null"),
    "Files: may one be deleted": ("DELETE: 200; the document afterwards: 404", "DELETE: 409; "),
    "Lists: how does an empty one look": ('"documents":', "token "),
    "Lists: are pages as long": ("2 documents, token given; 1 documents, token absent", "1 documents, token empty"),
    "Files: which come first": ("the newest", "not the newest: "),
}


@pytest.mark.parametrize(
    ("emulator_settings", "column"), [(playing(), 0), (OTHER, 1)], ids=["as it is", "different in every point"]
)
def test_everything_passes_is_answered_and_deleted(played: Play, xai: Xai, column: int) -> None:
    outcome = played()
    assert outcome.wrong == []
    assert [len(outcome.scenarios), len(outcome.points)] == [len(SCENARIOS), len(POINTS)]
    seen = {line.what: line.seen for line in outcome.points}
    for question, answers in ANSWERS.items():
        (answer,) = (answer for asked, answer in seen.items() if asked.startswith(question))
        assert answers[column] in answer, question
    assert holds(xai) == set()
    rows = [line for line in outcome.report("here").splitlines() if line.startswith("|")]
    assert len(rows) == 4 + len(SCENARIOS) + len(POINTS)
    assert all(row.replace("\\|", "").count("|") == 3 for row in rows), "what the service says does not break the table"


def test_a_scenario_that_fails_is_in_the_report_and_the_others_go_on(
    played: Play, emulator: RecordingEmulator, xai: Xai
) -> None:
    emulator.set_faults(FaultRule(endpoint="reindex_document", status=400))
    outcome = played(points={})
    (wrong,) = outcome.wrong
    assert wrong.startswith("Index a document again")
    assert "XAIInvalidRequestError" in outcome.report("here")
    assert holds(xai) == set()


@pytest.mark.parametrize("budget", [Budget(requests=20), Budget(sent=1000), Budget(searches=0)], ids=str)
def test_no_more_is_asked_than_the_budget_allows(
    played: Play, emulator: RecordingEmulator, xai: Xai, budget: Budget
) -> None:
    outcome = played(budget)
    meter = outcome.meter
    assert any("the budget is spent" in wrong for wrong in outcome.wrong)
    assert holds(xai) == set()
    # Listing what is there, just now, took two more.
    assert len(emulator.requests) - 2 == meter.requests <= budget.requests + budget.tidying
    assert emulator.count("search_documents") == meter.searches <= budget.searches
    assert sum(len(request.body) for request in emulator.requests) == meter.sent <= budget.sent
