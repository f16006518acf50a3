"""A sync over two machines, with Celery: one of them dies in the middle, and the collection equals the source."""

from __future__ import annotations

import os

import pytest

from tests.system.broker import find_redis
from tests.system.scenarios.wide import DOCUMENTS, SHARDS, Wide
from tests.system.stack import WORKERS

#: Set to anything, it lets a machine without Redis pass.
NO_REDIS = "SYSTEM_TESTS_WITHOUT_REDIS"


@pytest.fixture(scope="session")  # before the story is begun
def redis() -> str:
    if found := find_redis():
        return found
    if os.environ.get(NO_REDIS):
        pytest.skip(f"no redis-server on this machine, and {NO_REDIS} is set")
    pytest.fail(
        f"no redis-server on this machine: apt-get install redis-server; or set {NO_REDIS}=1 to do without",
        pytrace=False,
    )


@pytest.fixture(scope="module")
def ended(redis: str, wide: Wide) -> Wide:
    return wide


def test_the_machine_died_in_the_middle(ended: Wide) -> None:
    dying, other = WORKERS
    assert ended.lost
    assert not ended.lost & {each["map_index"] for each in ended.done_on(dying)}
    again = {each["map_index"] for each in ended.tries if each["try_number"] > 1}
    assert again >= ended.lost
    assert {each["map_index"] for each in ended.done_on(other)} >= again


def test_the_work_was_cut_into_parts_and_the_run_is_green(ended: Wide) -> None:
    assert ended.run["state"] == "success", ended.story
    assert len({each["map_index"] for each in ended.tries}) == SHARDS


def test_each_document_is_there_once_as_its_file_and_processed(ended: Wide) -> None:
    held = sorted((each["file_metadata"]["name"], each["file_metadata"]["hash"]) for each in ended.documents)
    assert held == sorted(ended.source.items())
    assert {each["status"] for each in ended.documents} == {"DOCUMENT_STATUS_PROCESSED"}


def test_only_uploads_that_were_cut_off_are_left_that_nothing_refers_to(ended: Wide) -> None:
    """They are for XAIDeleteUnattachedFilesOperator: no retry deletes a file. Two tasks, each with two at a time."""
    attached = {each["file_metadata"]["file_id"] for each in ended.documents}
    files = {each["id"] for each in ended.files}
    assert attached <= files
    assert len(files) <= len(attached) + 4


def test_little_is_done_twice(ended: Wide) -> None:
    """Only what was cut off between upload and attach, and no more: two tasks, each with two documents at a time."""
    assert ended.requests["add_document"] <= DOCUMENTS + 4
    assert ended.requests["upload_file"] <= DOCUMENTS + 4


def test_the_last_task_counts_for_all(ended: Wide) -> None:
    assert ended.result["documents"] == DOCUMENTS
    # What a task had added that died, its retry has kept.
    assert ended.result["added"] + ended.result["kept"] == DOCUMENTS
    assert sorted(line["name"] for line in ended.report) == sorted(ended.source)
    assert {line["outcome"] for line in ended.report} == {"processed"}
