"""The live suite on the emulator: it works, keeps to its budget, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.emulator.server import ServerUrls
from tests.conftest import API_KEY, MANAGEMENT_KEY, RecordingEmulator, Stage, playing
from tests.operators.stage import Xai

from .meter import Budget
from .open_points import POINTS, OpenPoint
from .place import PREFIX, Live
from .playing import Outcome
from .rehearsal import holds_nothing, metering, played, shown
from .report import report
from .scenarios import SCENARIOS, ingest_what_needs_extraction


def seen(outcome: Outcome) -> dict[str, str]:
    return {line.what: line.seen for line in outcome.points}


def with_other_switches() -> Any:
    return playing(
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


def quoting_the_key_after(characters: int) -> Any:
    """Return switches of an emulator whose refusals quote a key. Their text is cut at 200."""
    return playing(violation_text=f"{'x' * characters} bad key {MANAGEMENT_KEY} y")


def test_on_an_emulator_as_it_is_everything_passes_and_is_answered(connection: str, xai: Xai, tmp_path: Path) -> None:
    outcome = played(connection, tmp_path)
    assert outcome.wrong == []
    assert [len(outcome.scenarios), len(outcome.points)] == [len(SCENARIOS), len(POINTS)]
    answers = seen(outcome)
    assert answers["batchGet: what does an id do that the collection does not have?"].startswith("left out, 1 of 2")
    assert answers["batchGet: how many ids does one call take?"].startswith("500 at least (different ids, 2")
    assert answers["Attach: the same file twice?"].startswith("same fields: 409 ")
    assert answers["Attach: the same file twice?"].endswith("the fields stay as they were")
    there = answers["Attach: is the document there for a GET, and in the list, right after the POST?"]
    assert there.startswith("GET: 200, there at try 1 ")
    assert answers["Fields: status and text when a required one is missing?"].startswith("400 ")
    assert "author is required" in answers["Fields: status and text when a required one is missing?"]
    assert answers["Fields: status and text when a unique value is repeated?"].startswith("409 ")
    assert answers["Files: what becomes of an empty one?"] == "uploaded and attached; then processed"
    assert answers["Files: may one be deleted that is attached?"] == "DELETE: 200; the document afterwards: 404"
    assert answers["Documents: what is `hash`, and what do text files come to?"].startswith("`hash` is the BLAKE3 of")
    undeclared = answers["Fields: what becomes of one that is not declared? (seen: refused)"]
    assert undeclared.startswith("attach: 400 ")
    assert "; one call: 400 " in undeclared
    assert undeclared.endswith("the documents have the fields []")
    existing = answers["Fields: what does an ADD of a key do that exists? (doc: updates it)"]
    assert existing == "200, the definition is updated"
    assert answers["Fields: may a new one be required? (doc: no)"].startswith("400 ")
    pages = answers["Lists: are pages as long as asked for, and does the last carry a token?"]
    assert pages == "2 documents, token given; 1 documents, token absent"
    assert answers["Files: which come first in a list that names no order?"] == "the newest"
    assert answers["Limits: are they told, and does a 429 always carry Retry-After?"].startswith(
        "no header about limits"
    )
    assert holds_nothing(xai)


def of_both_ways(outcome: Outcome, kind: str) -> tuple[str, str]:
    """Return the answers about a document of this kind by the one call, and by two."""
    one, two = (line.seen for line in outcome.points if line.what.startswith(f"A {kind} by "))
    return one, two


def test_text_comes_out_of_the_one_call_and_raw_bytes_or_nothing_out_of_two(connection: str, tmp_path: Path) -> None:
    points = [
        point for point in POINTS if " by the one call: " in point.question or " by two calls: " in point.question
    ]
    outcome = played(connection, tmp_path, scenarios=[ingest_what_needs_extraction], points=points)
    assert outcome.wrong == []
    pdfs, docxs = of_both_ways(outcome, "PDF"), of_both_ways(outcome, "DOCX")
    for one_call in (pdfs[0], docxs[0]):
        assert one_call.startswith("PROCESSED; stored as the type it is; 1 chunks of ")
        assert one_call.endswith("; `hash` is the BLAKE3 of what was sent; a search finds its text")
    assert pdfs[1].startswith("PROCESSED; stored as the type it is; 7 chunks of ")
    assert "; a search does not find its text, in 2 tries; doubted: its 7 chunks are as many as its " in pdfs[1]
    assert docxs[1].startswith("FAILED; stored as application/octet-stream; 0 chunks of ")
    assert docxs[1].endswith("; the service says: File format not supported. The file does not contain readable text.")


@pytest.mark.parametrize("emulator_settings", [playing(direct_upload_answer="empty", list_lag_reads=1)])
def test_a_document_whose_id_the_answer_does_not_tell_is_found(connection: str, tmp_path: Path) -> None:
    points = [point for point in POINTS if point.question.startswith("A PDF by the one call: ")]
    (line,) = played(connection, tmp_path, scenarios=(), points=points).points
    assert line.seen.endswith("a search finds its text")


@pytest.mark.parametrize("emulator_settings", [playing(files_text="raw", direct_upload_status=405)])
def test_a_default_way_out_of_which_no_text_comes_fails(connection: str, xai: Xai, tmp_path: Path) -> None:
    outcome = played(connection, tmp_path, scenarios=[ingest_what_needs_extraction], points=())
    (wrong,) = outcome.wrong
    assert wrong.startswith("Ingest a PDF and a DOCX by the default way")
    assert "AssertionError" in wrong
    assert holds_nothing(xai)


@pytest.mark.parametrize("emulator_settings", [with_other_switches()])
def test_on_one_that_differs_in_every_point_the_answers_do_too(connection: str, xai: Xai, tmp_path: Path) -> None:
    outcome = played(connection, tmp_path)
    assert outcome.wrong == []
    answers = seen(outcome)
    assert answers["batchGet: what does an id do that the collection does not have?"].startswith(
        "the call is refused: 404"
    )
    assert answers["batchGet: how many ids does one call take?"].startswith("100 are taken, 200 are not (the same id")
    assert answers["Attach: the same file twice?"].startswith("same fields: 200 {}; other fields: 200 {}")
    there = answers["Attach: is the document there for a GET, and in the list, right after the POST?"]
    assert there.startswith("GET: 404, there at try 3 ")
    assert "in the list: 200, there at try 1 " in there
    assert answers["Fields: status and text when a required one is missing?"].startswith("422 ")
    assert answers["Fields: status and text when a unique value is repeated?"].startswith("400 ")
    assert answers["Files: what becomes of an empty one?"].startswith("uploaded and attached; then failed: ")
    assert answers["Files: may one be deleted that is attached?"].startswith("DELETE: 409; ")
    assert answers["The one-call upload: its answer? (seen: also a 500)"].startswith("500 ")
    one, two = of_both_ways(outcome, "PDF")
    assert one.startswith("refused: 500 ")
    assert two.endswith("; a search finds its text")
    undeclared = answers["Fields: what becomes of one that is not declared? (seen: refused)"]
    assert undeclared.startswith("attach: 200 ")
    assert undeclared.endswith("the documents have the fields [{'nobody_declared_me': 'x'}]")
    assert answers["Fields: what does an ADD of a key do that exists? (doc: updates it)"].startswith("4")
    assert answers["Fields: may a new one be required? (doc: no)"] == "200, it is required"
    pages = answers["Lists: are pages as long as asked for, and does the last carry a token?"]
    assert pages == "1 documents, token given; 1 documents, token given; 1 documents, token empty"
    assert answers["Files: which come first in a list that names no order?"].startswith("not the newest: ")
    assert "`documents` is absent, token empty" in answers["Lists: how does an empty one look, and how does one end?"]
    assert holds_nothing(xai)
    text = report(outcome, where="here", when="today")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4 + len(SCENARIOS) + len(POINTS)
    assert all(row.replace("\\|", "").count("|") == 3 for row in rows), "what the service says does not break the table"


@pytest.mark.parametrize("emulator_settings", [quoting_the_key_after(120), quoting_the_key_after(135)])
def test_a_key_that_the_service_quotes_is_neither_told_nor_in_the_report(connection: str, tmp_path: Path) -> None:
    told: list[str] = []
    outcome = played(connection, tmp_path, told=told)
    assert sum("bad key ***" in line for line in told) == 2
    assert shown("\n".join(told) + report(outcome, where="here", when="today")) == []


def test_a_key_that_a_scenario_a_point_or_an_error_quotes_is_hidden_too(
    connection: str, emulator: RecordingEmulator, tmp_path: Path
) -> None:
    def fail(live: Live) -> None:
        """Fail."""
        live.collection("left")
        raise AssertionError(f"{'x' * 270} {MANAGEMENT_KEY}")

    # In JSON any character may be escaped, and the provider's message says what was meant.
    escaped = MANAGEMENT_KEY.replace("-", "\\u002d")
    emulator.set_faults(
        FaultRule(
            endpoint="delete_collection",
            status=403,
            body=f'{{"error": "bad key {escaped}"}}'.encode(),
            content_type="application/json",
        )
    )
    told: list[str] = []
    points = [OpenPoint("What is it?", lambda live: f"an answer with {API_KEY}")]
    outcome = played(connection, tmp_path, told=told, scenarios=[fail], points=points)
    assert [line.seen for line in outcome.points] == ["an answer with ***"]
    assert "bad key ***" in outcome.left[0]
    for text in (*told, *outcome.wrong, report(outcome, where="here", when="today")):
        assert shown(text) == []


@pytest.mark.parametrize("emulator_settings", [playing(list_lag_reads=2)])
def test_a_list_that_lags_behind_is_seen(connection: str, tmp_path: Path) -> None:
    lag = [point for point in POINTS if "right after the POST" in point.question]
    (line,) = played(connection, tmp_path, scenarios=(), points=lag).points
    assert "in the list: 200, there at try 3 " in line.seen


def test_a_scenario_that_fails_is_in_the_report_and_the_others_go_on(
    connection: str, emulator: RecordingEmulator, xai: Xai, tmp_path: Path
) -> None:
    emulator.set_faults(FaultRule(endpoint="reindex_document", status=400))
    outcome = played(connection, tmp_path, points=())
    (wrong,) = outcome.wrong
    assert wrong.startswith("Index a document again")
    assert "XAIInvalidRequestError" in report(outcome, where="here", when="today")
    assert holds_nothing(xai)


@pytest.mark.parametrize("budget", [Budget(requests=20), Budget(sent=1000), Budget(searches=0)])
def test_no_more_is_asked_than_the_budget_allows(
    connection: str, emulator: RecordingEmulator, xai: Xai, tmp_path: Path, budget: Budget
) -> None:
    outcome = played(connection, tmp_path, meter := metering(budget))
    assert any("the budget is spent" in wrong for wrong in outcome.wrong)
    assert len(emulator.requests) == meter.requests <= budget.requests + budget.tidying
    assert emulator.count("search_documents") == meter.searches <= budget.searches
    assert sum(len(request.body) for request in emulator.requests) == meter.sent <= budget.sent
    assert holds_nothing(xai)


# The command


def command(urls: ServerUrls, report: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    keys = {"XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY, "XAI_API_KEY": API_KEY, **environment}
    called = [sys.executable, "-m", "tests.live", "--host", urls.management_url, "--api-host", urls.api_url]
    called += ["--poll-interval", "0.02", "--report", str(report), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(report.parent), **keys}
    return subprocess.Popen(called, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.usefixtures("connection")
def test_the_command_writes_the_report_and_prints_it_without_a_key(
    stage: tuple[Stage, ServerUrls], xai: Xai, tmp_path: Path
) -> None:
    process = command(stage[1], path := tmp_path / "deep" / "report.md")
    said, _ = process.communicate()
    assert process.returncode == 0, said
    text = path.read_text()
    assert text in said
    assert stage[1].management_url in text
    assert MANAGEMENT_KEY not in said + text
    assert API_KEY not in said + text
    assert holds_nothing(xai)


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("emulator_settings", [quoting_the_key_after(120), quoting_the_key_after(135)])
def test_the_command_shows_no_piece_of_a_key_that_the_service_quotes(
    stage: tuple[Stage, ServerUrls], tmp_path: Path
) -> None:
    said, _ = command(stage[1], path := tmp_path / "report.md").communicate()
    assert "bad key ***" in (text := path.read_text())
    assert shown(said + text) == []


@pytest.mark.usefixtures("connection")
def test_a_command_that_is_cancelled_deletes_what_it_has_made(
    stage: tuple[Stage, ServerUrls], emulator: RecordingEmulator, xai: Xai, tmp_path: Path
) -> None:
    handle = emulator.handle

    def handle_and_end(request: Any) -> Any:
        reply = handle(request)
        if emulator.count("add_document") == 1:
            process.send_signal(signal.SIGTERM)
        return reply

    emulator.handle = handle_and_end  # type: ignore[method-assign]
    process = command(stage[1], tmp_path / "report.md")
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert emulator.count("create_collection") >= 1
    assert holds_nothing(xai)


@pytest.mark.usefixtures("connection")
def test_a_command_can_clear_what_a_killed_one_has_left(
    stage: tuple[Stage, ServerUrls], xai: Xai, tmp_path: Path
) -> None:
    xai.collection(f"{PREFIX}20260101000000-abcdef-sync")
    xai.file(f"{PREFIX}20260101000000-abcdef-a.md")
    process = command(stage[1], tmp_path / "report.md", "--clear")
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert "2 collections and files of earlier runs deleted" in said
    assert holds_nothing(xai)


@pytest.mark.parametrize("missing", ["XAI_MANAGEMENT_API_KEY", "XAI_API_KEY"])
def test_without_a_key_the_command_says_which_and_asks_nothing(
    stage: tuple[Stage, ServerUrls], emulator: RecordingEmulator, tmp_path: Path, missing: str
) -> None:
    process = command(stage[1], tmp_path / "report.md", **{missing: " "})
    said, _ = process.communicate()
    assert process.returncode == 2
    assert f"set {missing}: " in said
    assert emulator.requests == []
