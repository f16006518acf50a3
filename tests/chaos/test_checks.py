"""Whatever is not as it should be after a sync is noticed, and whatever a sync tells that did not happen."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections.api.endpoints import DELETE_FILE, UPLOAD_DOCUMENT
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.sync.documents import Action, Outcome
from airflow_provider_xai_collections.sync.report import ReportLine
from tests.chaos.checks import Records, records_of, wrong_accounts, wrong_documents, wrong_process
from tests.chaos.corpus import Corpus
from tests.chaos.server import KEYS, keys_in
from tests.chaos.watched import Step, WatchedEmulator
from tests.chaos.worker import Told, Tried, Try
from tests.support.caller import Caller, declared, upload

Find: TypeAlias = Any

ADDED, KEPT, REPLACED = "000/00000.md", "000/00001.md", "000/00002.md"
#: The counts of a sync that adds one document, keeps one, replaces one, and removes one.
COUNTS = {
    "documents": 3,
    "added": 1,
    "replaced": 1,
    "kept": 1,
    "removed": 1,
    "outdated_removed": 1,
    "bytes": 20,
    "possible_orphans": 1,
}


def file(name: str, file_id: str = "", digest: str = "") -> FileRecord:
    return FileRecord(file_id or f"new {name}", name, "text/markdown", 10, digest, "", 0.0)


def line(name: str, action: Action, outcome: Outcome = Outcome.PROCESSED, **changes: Any) -> ReportLine:
    about = {"uri": name, "name": name, "action": action, "outcome": outcome, "file_id": f"new {name}", "bytes": 10}
    return ReportLine.model_validate({**about, **changes})


BEFORE = Records((("whales", (file(KEPT), file(REPLACED, "old"), file("missing.md", "missing"))),))
AFTER = Records(
    (("whales", (file(ADDED), file(KEPT), file(REPLACED))),),
    unattached=("lost.md",),
    attached={each.file_id: each for each in (file(ADDED), file(REPLACED))},
)
LINES = (
    line(ADDED, Action.ADD),
    line(KEPT, Action.KEEP),
    line(REPLACED, Action.REPLACE, removed=("old",)),
    line("missing.md", Action.REMOVE, Outcome.REMOVED, file_id="", bytes=0, removed=("missing",)),
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path / "source", 1)
    corpus.add(3)
    return corpus


@pytest.fixture
def wrong(tmp_path: Path, corpus: Corpus) -> Find:
    """Return what is wrong about a try that told this."""

    def found(*lines: ReportLine, after: Records = AFTER, error: str = "", **changes: int) -> list[str]:
        report = tmp_path / "report.jsonl"
        report.write_text("".join(each.model_dump_json() + "\n" for each in lines))
        return list(wrong_accounts(BEFORE, after, [Try(error, [Told({**COUNTS, **changes}, str(report))])], corpus))

    return found


def test_a_sync_that_told_what_it_did_is_as_it_should_be(wrong: Find, tmp_path: Path, corpus: Corpus) -> None:
    assert wrong(*LINES) == []
    nothing = Try("XAIError: no way", [Told({}, str(tmp_path / "none.jsonl"))])
    assert list(wrong_accounts(BEFORE, BEFORE, [nothing], corpus)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"documents": 4}, "4 documents, 3 in the source"),
        ({"added": 0}, "2 kept, added, replaced or fixed, 3 in the report"),
        ({"added": 0, "kept": 2}, "1 told, 2 attached"),
        ({"added": 2, "kept": 0}, "2 added, 1 in the report"),
        ({"bytes": 27}, "27 bytes, 20 stored"),
        ({"outdated_removed": 0}, "1 removed, 2 in the report"),
        ({"failed": 1}, "1 failed, 0 in the report"),
        ({"possible_orphans": 0}, "1 uploads came to nothing, 0 were told"),
        ({"after": replace(AFTER, discarded=1)}, "1 files never attached and deleted, 0 in doubt"),
    ],
)
def test_each_count_that_is_not_so_is_noticed(wrong: Find, change: dict[str, Any], expected: str) -> None:
    assert expected in wrong(*LINES, **change)


def test_each_line_that_is_not_so_is_noticed(wrong: Find) -> None:
    added, *others = LINES
    assert f"1 only in the source or only in the report: {ADDED}" in wrong(*others)
    assert f"1 there, and processed in no report: {ADDED}" in wrong(*others)
    assert f"1 attached and told by nobody: {ADDED}" in wrong(*others)
    assert f"1 twice in the report: {ADDED}" in wrong(added, *LINES)
    of_another = "with the id of no document, of another one, or another size"
    unknown = line("unknown.md", Action.ADD)
    assert f"unknown.md {of_another}" in wrong(*LINES, unknown)
    assert f"{ADDED} {of_another}" in wrong(added.model_copy(update={"file_id": f"new {KEPT}"}), *others)
    *others, missing = LINES
    assert "1 removed and told by nobody: missing.md" in wrong(*others, missing.model_copy(update={"removed": ()}))
    both = missing.model_copy(update={"removed": ("missing", f"new {KEPT}")})
    assert f"1 removed in the report, and there: new {KEPT}" in wrong(*others, both)


def test_a_document_in_doubt_may_be_told_by_nobody_but_not_by_another_name(wrong: Find) -> None:
    _, *others = LINES
    lost = line(ADDED, Action.ADD, Outcome.ERROR, file_id="")
    told = {"added": 0, "errors": 1, "bytes": 10}
    assert wrong(lost, *others, error="XAIError: lost", **told) == []
    unknown = replace(AFTER, attached={**AFTER.attached, "new other.md": file("other.md")})
    assert "1 attached and told by nobody: other.md" in wrong(lost, *others, after=unknown, error="lost", **told)


def test_each_difference_between_collection_and_source_is_noticed(corpus: Corpus) -> None:
    files = tuple(file(name, digest=digest) for name, digest in corpus.hashes.items())
    assert list(wrong_documents(Records((("whales", files),)), corpus)) == []
    there = (files[0], files[0], file(KEPT, digest="old"), file("unknown.md"))
    assert list(wrong_documents(Records((("ships", there),), unprocessed=(KEPT,)), corpus)) == [
        "the collections are ['ships']",
        f"1 not processed: {KEPT}",
        f"1 twice: {ADDED}",
        f"1 missing: {REPLACED}",
        "1 not in the source: unknown.md",
        f"1 of another content: {KEPT}",
    ]


def test_things_that_a_process_keeps_and_keys_that_it_writes_are_noticed(tmp_path: Path) -> None:
    assert list(wrong_process(Tried(grown=8_000_000), 100)) == []
    left = Tried(left_open=["socket:[1]"], grown=8_300_000)
    assert list(wrong_process(left, 100)) == [
        "1 left open: socket:[1]",
        "8.3 MB are still in use after 100 documents; 8.2 may be",
    ]
    (tmp_path / "log.txt").write_text(f"Bearer {next(iter(KEYS.values()))}\n")
    (tmp_path / "report.jsonl").write_text("{}\n")
    assert keys_in(tmp_path) == ["log.txt"]


def test_the_watched_service_knows_what_each_call_did_whichever_way_a_document_went() -> None:
    name, fields = "000/00001.md", dict.fromkeys(MANAGED_KEYS, "x" * 500)  # as long as ours may be
    with closing(WatchedEmulator()) as service:
        caller = Caller(service)
        unique = [{**each, "unique": True} for each in declared(*MANAGED_KEYS)]
        whales, ships = (
            caller.collection(field_definitions=unique),
            caller.collection("ships", field_definitions=unique),
        )
        direct = {"collection_id": whales, "name": name, "fields": fields, "upload": upload(name)}
        one = caller.call(UPLOAD_DOCUMENT, **direct).file_metadata
        assert one is not None
        caller.refused(UPLOAD_DOCUMENT, **direct)  # a second copy
        two = caller.file(name)
        caller.attach(ships, two, **fields)
        steps = [("upload_document", 1), ("upload_document", 2), ("upload_file", 1), ("add_document", 1)]
        assert service.steps[2:] == [Step(endpoint, name, time) for endpoint, time in steps]
        now = records_of(service)
        assert now.attached.keys() == {one.file_id, two}
        assert (now.done["upload_document"], now.unattached) == (1, ())
        caller.send(DELETE_FILE, file_id=two)
        assert service.discarded == 0
        caller.send(DELETE_FILE, file_id=caller.file(name))
        assert service.discarded == 1
