"""Commands that show what is there."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from airflow_provider_xai_collections.cli import showing
from airflow_provider_xai_collections.emulator import FaultRule
from tests.cli.conftest import Cli
from tests.conftest import RecordingEmulator, playing


def test_collections_are_listed_with_their_states(cli: Cli, docs: Path) -> None:
    assert cli("ls").out == "There is no collection yet.\n"
    cli("sync", str(docs), "whales")
    cli("ingest", str(docs / "ahab.md"), "captains")
    assert [(each["name"], each["documents"], each["processed"]) for each in cli("ls", "-o", "json").json] == [
        ("captains", 1, 1),
        ("whales", 3, 3),
    ]
    assert [line[0] for line in cli("ls", "-o", "plain").lines] == ["captains", "whales"]
    assert "NAME      DOCUMENTS" in cli("ls").out
    assert yaml.safe_load(cli("ls", "-o", "yaml").out)[0]["name"] == "captains"


def test_the_states_cost_a_request_each_and_need_not_be_asked_for(
    cli: Cli, docs: Path, emulator: RecordingEmulator
) -> None:
    cli("sync", str(docs), "whales")
    emulator.reset_log()
    assert "failed" not in cli("ls", "--quick", "-o", "json").json[0]
    assert emulator.counts == {"list_collections": 1}


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("ahab*",))])
def test_one_collection_is_shown_with_what_failed(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    told = cli("status", "whales", "-o", "json")
    assert told.code == 1
    shown = told.json
    assert (shown["documents"], shown["processed"], shown["failed"]) == (3, 2, 1)
    assert shown["scopes"] == {docs.as_uri(): 3}
    assert [(each["name"], bool(each["reason"])) for each in shown["problems"]] == [("ahab.md", True)]
    by_id = cli("status", shown["collection_id"])
    assert "ahab.md" in by_id.out
    assert "chunking" in by_id.out


def test_passages_are_shown_with_their_sources(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    found = cli("search", "whales", "Who saw the whale?")
    assert found.code == 0
    assert "queequeg.md" in found.out
    assert len(cli("search", "whales", "the whale", "--limit", "2", "-o", "json").json) == 2
    nothing = cli("search", "whales", "queequeg", "--filter", 'year = "1851"')
    assert (nothing.code, nothing.out) == (1, "")


def test_files_in_no_collection_are_listed_and_deleted_if_told_to(
    cli: Cli, docs: Path, emulator: RecordingEmulator
) -> None:
    cli("sync", str(docs), "whales", "-o", "json")
    (docs / "ahab.md").unlink()
    from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

    with XAICollectionsHook() as hook:
        orphan = hook.upload_file(path=docs / "ishmael.md", filename="orphan.md").id
    assert (
        cli("files", "--unattached").out
        == "No file of 4 files is in no collection, if older than 1 week and matched.\n"
    )
    listed = cli("files", "--older-than", "0", "-o", "json")
    assert [each["file_id"] for each in listed.json] == [orphan]
    assert cli("files", "--older-than", "0", "--pattern", "*.txt", "-o", "json").json == []
    asked = cli("files", "--older-than", "0")
    assert "orphan.md" in asked.out
    assert "1 file in no collection, 37 B. Nothing was deleted: --delete does that" in asked.err
    deleted = cli("files", "--older-than", "0", "--unattached", "--delete", "-o", "json")
    assert (deleted.code, [(each["name"], each["outcome"]) for each in deleted.json]) == (0, [("orphan.md", "deleted")])
    assert cli("files", "--older-than", "0", "-o", "json").json == []


@pytest.mark.parametrize("command", [("status",), ("search", "a question")])
def test_a_collection_that_is_not_there_is_trouble(cli: Cli, command: tuple[str, ...]) -> None:
    name, *others = command
    ended = cli(name, "nobody", *others)
    assert (ended.code, ended.out) == (2, "")
    assert "no collection has the name or id 'nobody'" in ended.err


def test_names_with_marks_and_escapes_are_shown_as_they_are(cli: Cli, docs: Path) -> None:
    cli("ingest", str(docs), "[bold]whales\x1b[31m[/bold]")
    assert r"[bold]whales\x1b[31m[/bold]" in cli("ls").out


def test_times_are_utc_everywhere(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    (listed,) = cli("ls", "-o", "json").json
    assert listed["created_at"].endswith("Z")
    assert datetime.fromisoformat(listed["created_at"]).utcoffset() == timedelta(0)
    assert re.search(r"newest +\w+\.md \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)", cli("status", "whales").out)
    assert cli("status", "whales", "-o", "json").json["newest"]["created_at"].endswith("Z")


def test_scopes_of_many_documents_are_counted_if_asked_for(
    cli: Cli, docs: Path, emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("sync", str(docs), "whales")
    assert cli("status", "whales", "-o", "json").json["scopes"] == {docs.as_uri(): 3}
    monkeypatch.setattr(showing, "COUNTED", 2)
    assert "--scopes does it" in cli("status", "whales").out
    quick = cli("status", "whales", "-o", "json").json
    assert (quick["scopes"], quick["documents"], quick["processed"]) == (None, 3, 3)
    assert cli("status", "whales", "--scopes", "-o", "json").json["scopes"] == {docs.as_uri(): 3}


def test_passages_for_programs_are_those_of_the_manifest(cli: Cli, docs: Path) -> None:
    cli("sync", str(docs), "whales")
    first = cli("search", "whales", "queequeg", "-o", "json").json[0]
    assert first.keys() == {"file_id", "chunk_id", "score", "page_number", "fields", "text"}
    assert first["fields"]["airflow_source_uri"] == (docs / "queequeg.md").as_uri()
    head = cli("search", "whales", "queequeg").out.splitlines()[0]
    assert head.startswith(f"{first['score']:.3g}  ")
    assert first["score"] > 0


def test_two_of_the_same_name_are_told_apart_by_their_ids(cli: Cli, connection: str) -> None:
    from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

    with XAICollectionsHook() as hook:
        ids = {hook.create_collection(collection_name="whales").collection_id for _ in range(2)}
    assert ids == {line.split()[-1] for line in cli("ls").out.splitlines()[1:]}
    ambiguous = cli("status", "whales")
    assert (ambiguous.code, all(each in ambiguous.err for each in ids)) == (2, True)


def test_files_have_an_age(cli: Cli, docs: Path, emulator: RecordingEmulator) -> None:
    from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

    cli("sync", str(docs), "whales")
    with XAICollectionsHook() as hook:
        hook.upload_file(path=docs / "ishmael.md", filename="orphan.md")
    assert cli("files", "--older-than", "1h", "-o", "json").json == []
    assert len(cli("files", "--older-than", "0m", "-o", "json").json) == 1
    emulator.set_faults(FaultRule(endpoint="delete_file", status=500))
    kept = cli("files", "--older-than", "0", "--unattached", "--delete", "--concurrency", "1", "-o", "json")
    assert (kept.code, kept.json[0]["outcome"], "orphan.md: " in kept.err) == (1, "found", True)
