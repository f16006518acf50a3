"""Waits in the triggerer: many at once, over its death, ended by a user, ended by time."""

from __future__ import annotations

from tests.system.scenarios.waits import FORTY, Waited
from tests.system.stack import TEXTS


def test_forty_waits_outlive_the_triggerer(forty_waits: Waited) -> None:
    assert forty_waits.run["state"] == "success", forty_waits.story
    assert [task["state"] for task in forty_waits.tasks] == FORTY * ["success"]
    assert {task["try_number"] for task in forty_waits.tasks} == {1}


def test_and_nothing_is_uploaded_or_attached_twice(forty_waits: Waited) -> None:
    assert forty_waits.before.count("upload_file") == FORTY
    assert forty_waits.before.count("add_document") == FORTY
    assert not {"upload_file", "add_document"} & set(forty_waits.after)
    assert len({document["file_metadata"]["name"] for document in forty_waits.documents}) == FORTY
    assert len(forty_waits.documents) == FORTY


def test_who_marks_a_deferred_task_reads_what_goes_on_at_xai(marked_failed: Waited) -> None:
    assert "cancelled while waiting for 3 documents. Indexing goes on at xAI" in marked_failed.log


def test_a_cleared_task_waits_on_for_what_the_marked_one_had_begun(marked_failed: Waited) -> None:
    assert marked_failed.run["state"] == "success", marked_failed.story
    assert marked_failed.before.count("upload_file") == len(TEXTS)
    assert marked_failed.before.count("add_document") == len(TEXTS)
    assert not {"upload_file", "add_document"} & set(marked_failed.after)
    assert sorted(document["file_metadata"]["name"] for document in marked_failed.documents) == sorted(TEXTS)


def test_a_deferred_task_fails_when_its_time_is_over_and_says_so(timed_out: Waited) -> None:
    assert timed_out.run["state"] == "failed"
    (task,) = timed_out.tasks
    assert task["state"] == "failed"
    assert "XAITimeoutError" in timed_out.log
    assert "time ran out (timeout is " in timed_out.log
    assert f"{len(TEXTS)} of {len(TEXTS)} documents are still in progress" in timed_out.log
    # The trigger keeps the time; Airflow's own limit lies behind it and would know no reason.
    assert "Trigger timeout" not in timed_out.log
