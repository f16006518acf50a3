"""Commands that compare a source with a collection, and that bring its documents there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.sync.engine import Engine
from tests.cli.conftest import Cli
from tests.conftest import RecordingEmulator, playing

#: Old versions go at once.
AT_ONCE = ("--overlap", "0")


def counts(manifest: dict[str, Any]) -> dict[str, int]:
    names = ("added", "replaced", "kept", "removed", "left", "failed", "skipped")
    return {name: manifest[name] for name in names if manifest[name]}


def test_a_difference_is_shown_and_nothing_is_changed(cli: Cli, docs: Path, emulator: RecordingEmulator) -> None:
    shown = cli("diff", str(docs), "whales")
    assert shown.code == 1
    assert [line.split()[:2] for line in shown.out.splitlines()] == [
        ["ACTION", "NAME"],
        ["add", "ahab.md"],
        ["add", "ishmael.md"],
        ["add", "queequeg.md"],
    ]
    assert shown.err.count("3 to add") == 1
    assert not emulator.counts.keys() - {"list_collections", "get_collection"}


def test_after_a_sync_there_is_no_difference(cli: Cli, docs: Path) -> None:
    done = cli("sync", str(docs), "whales", "-o", "json")
    assert (done.code, counts(done.json)) == (0, {"added": 3})
    same = cli("diff", str(docs), "whales")
    assert (same.code, same.out) == (0, f"whales is equal to {docs.as_uri()}.\n")
    told = cli("diff", str(docs), "whales", "-o", "json").json
    assert told == {"equal": True, "counts": told["counts"], "documents": []}
    assert told["counts"]["kept"] == 3


def test_what_changed_is_replaced_and_what_is_missing_goes_if_told_to(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    (docs / "ahab.md").write_text("Another Ahab.")
    (docs / "ishmael.md").unlink()
    dry = cli("sync", str(docs), "whales", "--prune", "--dry-run", "--max-prune", "1", "-o", "json")
    assert (dry.code, [each["action"] for each in dry.json["documents"]]) == (1, ["replace", "remove"])
    assert counts(cli("sync", str(docs), "whales", *AT_ONCE, "-o", "json").json) == {
        "replaced": 1,
        "kept": 1,
        "left": 1,
    }
    refused = cli("sync", str(docs), "whales", "--prune", "--max-prune", "0", *AT_ONCE)
    assert refused.code == 2
    assert "pruning is refused" in refused.err
    pruned = cli("sync", str(docs), "whales", "--prune", "--max-prune", "1", *AT_ONCE, "-o", "json")
    assert (pruned.code, counts(pruned.json)) == (0, {"kept": 2, "removed": 1})


def test_a_difference_is_that_of_the_sync_with_the_same_options(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    (docs / "ishmael.md").unlink()
    left = cli("diff", str(docs), "whales", "-o", "json")
    assert (left.code, left.json["equal"]) == (0, True)
    assert [(each["action"], each["name"]) for each in left.json["documents"]] == [("left", "ishmael.md")]
    pruned = cli("diff", str(docs), "whales", "--prune", "--max-prune", "1", "-o", "json")
    assert (pruned.code, pruned.json["equal"], pruned.json["counts"]["removed"]) == (1, False, 1)
    assert [(each["action"], each["name"]) for each in pruned.json["documents"]] == [("remove", "ishmael.md")]
    refused = cli("diff", str(docs), "whales", "--prune", "--max-prune", "0")
    assert (refused.code, "pruning is refused" in refused.err) == (1, True)
    chosen = cli("diff", str(docs), "whales", "--prune", "--pattern", "*.md")
    assert (chosen.code, "prune with a pattern needs a scope of its own" in chosen.err) == (2, True)


@pytest.mark.parametrize("command", [("diff",), ("sync", "--dry-run")])
def test_the_report_of_a_plan_says_what_would_be_done(
    cli: Cli, docs: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    report = tmp_path / "plan.jsonl"
    cli(*command[:1], str(docs), "whales", *command[1:], "--report", str(report))
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(line["name"], line["action"], line["outcome"]) for line in lines] == [
        ("ahab.md", "add", None),
        ("ishmael.md", "add", None),
        ("queequeg.md", "add", None),
    ]


def test_a_report_that_cannot_be_written_ends_it_before_anything_is_sent(
    cli: Cli, docs: Path, tmp_path: Path, emulator: RecordingEmulator
) -> None:
    (tmp_path / "file").touch()
    ended = cli("sync", str(docs), "whales", "--report", str(tmp_path / "file" / "report.jsonl"))
    assert (ended.code, "report.jsonl" in ended.err) == (2, True)
    assert not emulator.counts.keys() - {"list_collections", "get_collection"}


def test_what_would_be_skipped_is_named_and_is_no_difference(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    (docs / "ship.png").write_bytes(b"\x89PNG")
    told = cli("diff", str(docs), "whales", "-o", "json")
    assert (told.code, told.json["equal"]) == (0, True)
    assert [(each["action"], each["name"]) for each in told.json["documents"]] == [("skip", "ship.png")]
    assert told.json["documents"][0]["reason"]


def test_verify_says_under_which_scope_it_has_looked(cli: Cli, docs: Path) -> None:
    cli("ingest", str(docs), "whales")
    elsewhere = cli("verify", str(docs), "whales")
    assert (elsewhere.code, "ingest, without --scope, uses 'default'" in elsewhere.err) == (1, True)
    assert cli("verify", str(docs), "whales", "--scope", "default").code == 0


@pytest.mark.parametrize("command", ["diff", "sync", "ingest"])
def test_an_id_that_is_not_there_is_no_name_of_a_new_collection(
    cli: Cli, docs: Path, emulator: RecordingEmulator, command: str
) -> None:
    ended = cli(command, str(docs), "collection_mistyped")
    assert (ended.code, "no collection has the name or id 'collection_mistyped'" in ended.err) == (2, True)
    assert not emulator.counts.keys() - {"list_collections", "get_collection"}


def test_a_report_that_fails_at_the_end_hides_nothing_of_the_work(
    cli: Cli, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, place = tmp_path / "reports", Engine.place

    def placed(engine: Engine, *, wait: bool) -> None:
        place(engine, wait=wait)
        shutil.rmtree(folder)
        folder.touch()

    monkeypatch.setattr(Engine, "place", placed)
    ended = cli("sync", str(docs), "whales", "--report", str(folder / "report.jsonl"), "-o", "json")
    assert (ended.code, counts(ended.json)) == (2, {"added": 3})
    assert "the report says what was planned, not what was done" in ended.err


def test_an_ingestion_adds_beside_what_is_there(cli: Cli, docs: Path) -> None:
    cli("ingest", str(docs), "whales")
    (docs / "ahab.md").write_text("Another Ahab.")
    again = cli("ingest", str(docs / "ahab.md"), "whales", "--field", "year=1851", "-o", "json")
    assert (again.code, counts(again.json), again.json["older_versions"]) == (0, {"added": 1}, 1)
    assert cli("status", "whales", "-o", "json").json["fields"] == ["year"]


def test_patterns_scope_and_report_reach_the_engine(cli: Cli, docs: Path, tmp_path: Path) -> None:
    (docs / "notes.txt").write_text("Notes.")
    (docs / "draft.md").write_text("A draft.")
    report = tmp_path / "report.jsonl"
    done = cli(
        *("sync", str(docs), "whales", "--pattern", "*.md", "--exclude", "draft*", "--scope", "crew"),
        *("--report", str(report), "-o", "json"),
    )
    assert (counts(done.json), done.json["scope"]) == ({"added": 3}, "crew")
    assert {json.loads(line)["outcome"] for line in report.read_text().splitlines()} == {"processed"}
    inside = cli("sync", str(docs), "whales", "--report", str(docs / "report.jsonl"))
    assert (inside.code, "--report is" in inside.err) == (2, True)


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("ahab*",))])
def test_documents_that_fail_are_named_and_make_the_exit_code_1(cli: Cli, docs: Path) -> None:
    done = cli("sync", str(docs), "whales")
    assert done.code == 1
    assert "1 of 3 documents not as the source has them: ahab.md: " in done.err
    assert done.err.count("ahab.md") == 1
    tolerated = cli("sync", str(docs), "whales", "--max-failed", "1")
    assert tolerated.code == 0
    assert tolerated.err.count("ahab.md: failed: ") == 1


@pytest.mark.parametrize("emulator_settings", [playing(indexing="seconds:3600")])
def test_it_waits_unless_told_not_to_and_not_for_ever(cli: Cli, docs: Path) -> None:
    assert cli("sync", str(docs), "whales", "--no-wait", "-o", "json").json["in_progress"] == 3
    late = cli("sync", str(docs), "whales", "--timeout", "0.3")
    assert (late.code, "time ran out" in late.err) == (1, True)


def test_interrupted_it_says_what_stays_and_the_next_run_goes_on(
    cli: Cli, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(engine: Engine, *, wait: bool) -> None:
        engine.total = 3
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "place", interrupted)
        ended = cli("sync", str(docs), "whales")
    assert ended.code == 130
    assert "cancelled, 0 of 3 documents uploaded" in ended.err
    assert "Run again, it finds what is there and does the rest" in ended.err
    assert counts(cli("sync", str(docs), "whales", "-o", "json").json) == {"added": 3}


def test_content_is_verified_by_the_hashes_of_the_service(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    assert (cli("verify", str(docs), "whales").code, cli("verify", str(docs), "whales").err) == (0, "3 same\n")
    (docs / "ahab.md").write_text("Another Ahab.")
    (docs / "ishmael.md").unlink()
    (docs / "pip.md").write_text("A new hand.")
    (docs / "ship.png").write_bytes(b"\x89PNG")
    told = cli("verify", str(docs), "whales", "-o", "json")
    assert told.code == 1
    assert {each["name"].rpartition("/")[2]: each["result"] for each in told.json} == {
        "ahab.md": "differs",
        "ishmael.md": "missing from the source",
        "pip.md": "not in the collection",
        "queequeg.md": "same",
        "ship.png": "not for xAI",
    }


def test_what_patterns_leave_out_is_not_missing_and_patterns_without_a_match_are_said(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    assert cli("verify", str(docs), "whales", "--pattern", "ahab*").code == 0
    assert "matches nothing" in cli("diff", str(docs), "whales", "--pattern", "*.txt", "--scope", "s").err


@pytest.mark.parametrize(("limit", "code"), [("1", 2), ("2", 0), ("0.5", 2), ("1.0", 0)])
def test_a_limit_is_a_count_or_a_share(cli: Cli, docs: Path, limit: str, code: int) -> None:
    cli("sync", str(docs), "whales")
    (docs / "ahab.md").unlink()
    (docs / "pip.md").write_text("A new hand, of another size.")
    (docs / "ishmael.md").unlink()
    assert cli("sync", str(docs), "whales", "--prune", "--max-prune", limit, *AT_ONCE).code == code


def test_a_service_that_is_down_is_trouble_and_not_a_difference(
    cli: Cli, docs: Path, emulator: RecordingEmulator, pauses: list[float]
) -> None:
    emulator.set_faults(FaultRule(status=503))
    down = cli("diff", str(docs), "whales")
    assert (down.code, down.out) == (2, "")
    assert "503" in down.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("diff", "/no/such/folder", "whales"), "does not exist"),
        (("sync", "/tmp", "whales", "--timeout", "-1"), "--timeout is -1.0"),
        (("files", "--older-than", "-1"), "--older-than is '-1'; it must be an age such as 12h or 7d"),
        (("files", "--older-than", "soon"), "--older-than is 'soon'; it must be an age"),
        (("sync", "/tmp", "whales", "--field", "year"), "--field 'year' is not KEY=VALUE"),
        (("sync", "/tmp", "whales", "--prune", "--pattern", "*.md"), "needs a scope of its own"),
    ],
)
def test_wrong_arguments_are_named(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
