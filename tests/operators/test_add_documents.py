"""XAIAddDocumentsOperator: files that xAI has, attached once."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.emulator.messages import Cut
from airflow_provider_xai_collections.exceptions import XAIError, XAIRateLimitError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from tests.conftest import Connect, playing
from tests.operators.stage import Crowd, Xai, run

CONFLICT = pytest.param(playing(attach_twice="conflict"), id="conflict")
OK = pytest.param(playing(attach_twice="ok"), id="ok")


def task(**arguments: Any) -> XAIAddDocumentsOperator:
    return XAIAddDocumentsOperator(**{"task_id": "add", **arguments})


def test_files_become_documents_and_are_processed(xai: Xai) -> None:
    whales = xai.collection()
    files = [xai.file("a.md"), xai.file("b.md")]
    manifest = run(task(collection_id=whales, file_ids=files))
    assert xai.names(whales) == ["a.md", "b.md"]
    counts = {name: manifest[name] for name in ("collection_id", "total", "added", "already_there", "file_ids")}
    assert counts == {"collection_id": whales, "total": 2, "added": 2, "already_there": 0, "file_ids": files}
    assert manifest["wait"]["processed"] == 2


def test_fields_are_for_all_and_document_fields_for_one(xai: Xai) -> None:
    whales = xai.collection()
    first, second = xai.file("a.md"), xai.file("b.md")
    run(
        task(
            collection_id=whales,
            file_ids=[first, second],
            fields={"year": "1851", "author": "Melville"},
            document_fields={second: {"author": "Darwin"}},
        )
    )
    assert [document.fields for document in xai.documents(whales)] == [
        {"year": "1851", "author": "Melville"},
        {"year": "1851", "author": "Darwin"},
    ]


def test_a_file_named_twice_is_attached_once_and_a_single_id_needs_no_list(xai: Xai) -> None:
    whales, file = xai.collection(), xai.file()
    assert run(task(collection_id=whales, file_ids=[file, file]))["total"] == 1
    assert run(task(collection_id=whales, file_ids=file))["already_there"] == 1
    assert xai.emulator.count("add_document") == 2


@pytest.mark.parametrize("emulator_settings", [CONFLICT, OK])
def test_run_again_it_leaves_what_is_there(xai: Xai) -> None:
    whales, file = xai.collection(), xai.file()
    run(task(collection_id=whales, file_ids=[file], fields={"year": "1851"}))
    again = run(task(collection_id=whales, file_ids=[file], fields={"year": "1851"}))
    assert again["total"] == 1
    assert [document.fields for document in xai.documents(whales)] == [{"year": "1851"}]


@pytest.mark.parametrize("emulator_settings", [CONFLICT, OK])
@pytest.mark.parametrize("cut", ["before", "after", "partial"])
def test_a_lost_answer_is_settled_by_asking(xai: Xai, cut: Cut) -> None:
    whales, file = xai.collection(), xai.file()
    xai.emulator.set_faults(FaultRule(endpoint="add_document", nth=(1,), cut=cut))
    manifest = run(task(collection_id=whales, file_ids=[file], fields={"year": "1851"}))
    assert (manifest["added"], manifest["already_there"]) == (1, 0)
    assert xai.emulator.count("add_document") == (2 if cut == "before" else 1)
    assert xai.names(whales) == ["moby.md"]


def test_one_refusal_does_not_stop_the_others_and_is_named(xai: Xai) -> None:
    whales, file = xai.collection(), xai.file()
    with pytest.raises(XAIFailException, match=r"1 of 2 documents failed: file_unknown: .*404") as raised:
        run(task(collection_id=whales, file_ids=["file_unknown", file]))
    assert xai.names(whales) == ["moby.md"]
    assert ", cf-ray " in str(raised.value)


def test_what_a_retry_may_fix_is_left_to_airflow(xai: Xai, connect: Connect) -> None:
    connect(retry_attempts=1)
    whales, files = xai.collection(), [xai.file("a.md"), xai.file("b.md")]
    xai.emulator.set_faults(FaultRule(endpoint="add_document", path=f"*{files[0]}", status=429))
    with pytest.raises(XAIError, match=f"1 of 2 .*{files[0]}.*429.*The others are attached, and a retry") as raised:
        run(task(collection_id=whales, file_ids=files))
    assert not isinstance(raised.value, XAIFailException)


def test_long_work_says_how_far_it_is(
    xai: Xai, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    whales, files = xai.collection(), [xai.file("a.md"), xai.file("b.md")]
    monkeypatch.setattr("airflow_provider_xai_collections.hooks.progress.LOG_INTERVAL", 0.0)
    run(task(collection_id=whales, file_ids=files))
    assert f"{whales}: attaching, 1 of 2 documents done, 1 to go" in "".join(capfd.readouterr()) + caplog.text


def test_a_refused_key_stops_the_work_at_once(xai: Xai, connect: Connect) -> None:
    whales, files = xai.collection(), [xai.file(f"{number}.md") for number in range(20)]
    connect(password="xai-token-wrong")
    with pytest.raises(XAIFailException, match="401"):
        run(task(collection_id=whales, file_ids=files, concurrency=1))
    assert xai.emulator.count("add_document") < 5


def test_many_failures_make_a_short_message(xai: Xai) -> None:
    whales = xai.collection()
    with pytest.raises(XAIFailException, match=r"30 of 30 documents failed: .*; and 20 more") as raised:
        run(task(collection_id=whales, file_ids=[f"file_{number}" for number in range(30)]))
    assert len(str(raised.value)) < 4000


@pytest.mark.parametrize("emulator_settings", [playing(required_violation_status=status) for status in (400, 422)])
def test_a_missing_required_field_fails_with_the_words_of_the_service(xai: Xai) -> None:
    whales = xai.collection(field_definitions=[{"key": "author", "required": True}])
    with pytest.raises(XAIFailException, match="author is required"):
        run(task(collection_id=whales, file_ids=[xai.file()]))


def test_no_more_are_worked_on_at_once_than_concurrency_says(xai: Xai, crowd: Crowd) -> None:
    whales, files = xai.collection(), [xai.file(f"{number}.md") for number in range(12)]
    run(task(collection_id=whales, file_ids=files, concurrency=3))
    assert 1 < crowd.most <= 3


def test_a_rate_limit_stays_one_beside_other_failures_so_that_a_retry_policy_sees_it(xai: Xai) -> None:
    whales, files = xai.collection(), [xai.file("a.md"), xai.file("b.md")]
    xai.emulator.set_faults(
        FaultRule(endpoint="add_document", path=f"*{files[0]}", status=429),
        FaultRule(endpoint="add_document", path=f"*{files[1]}", status=403),
    )
    with pytest.raises(XAIFailException, match="403"):
        run(task(collection_id=whales, file_ids=files))
    xai.emulator.set_faults(
        FaultRule(endpoint="add_document", path=f"*{files[0]}", status=429),
        FaultRule(endpoint="add_document", path=f"*{files[1]}", status=404),
    )
    with pytest.raises(XAIRateLimitError, match=r"2 of 2 documents failed.*a retry does what is left"):
        run(task(collection_id=whales, file_ids=files))
