"""Answers of Airflow's API about our tasks: links, events of assets, rendered fields, names of mapped tasks."""

from __future__ import annotations

from tests.system.scenarios.shown import STORED, Shown
from tests.system.scenarios.waits import FORTY, Waited
from tests.system.stack import TEXTS


def test_the_link_leads_to_the_emulator_while_the_task_waits_too(shown: Shown, marked_failed: Waited) -> None:
    for links in (shown.links, marked_failed.links):
        assert list(links) == ["xAI collections"]
        assert links["xAI collections"].endswith("/_emulator/requests")


def test_the_event_of_the_collection_tells_what_the_task_did(shown: Shown) -> None:
    (event,) = shown.events
    assert event["uri"] == f"xai://collections/{shown.collection_id}"
    assert event["source_task_id"] == "ingest"
    assert event["extra"]["added"] == len(TEXTS)
    assert event["extra"]["failed"] == 0


def test_rendered_fields_show_what_was_asked_for(shown: Shown) -> None:
    fields = shown.task["rendered_fields"]
    assert fields["collection_id"] == shown.collection_id
    assert fields["fields"] == {"season": "winter"}
    assert fields["conn_id"] == STORED


def test_the_result_counts(shown: Shown) -> None:
    assert shown.result["collection_id"] == shown.collection_id
    assert shown.result["documents"] == shown.result["added"] == len(TEXTS)


def test_mapped_tasks_are_called_after_their_documents(forty_waits: Waited) -> None:
    names = [task["rendered_map_index"] for task in forty_waits.tasks]
    assert sorted(names) == [f"note-{number:02}.md" for number in range(FORTY)]
