"""A task whose every trace in Airflow is looked at: what shows it, and no key anywhere."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.system.emulators import API_KEY, MANAGEMENT_KEY
from tests.system.scenario import Scenarios, scenario
from tests.system.stack import TEXTS, Stack

#: A connection that somebody has stored, instead of the ones in the environment.
STORED = "xai_stored"
#: How everything begins that Airflow encrypts.
FERNET = "gAAAA"
#: Lists of everything of their kind; ``~`` stands for all.
LISTS = (
    "/connections",
    "/eventLogs",
    "/assets/events",
    "/dags/~/dagRuns",
    "/dags/~/dagRuns/~/taskInstances",
    "/dags/~/dagRuns/~/taskInstances/~/xcomEntries",
)


@dataclass(frozen=True)
class Shown:
    """Answers of the API about one task."""

    collection_id: str
    fields: dict[str, Any]
    links: dict[str, str]
    events: list[dict[str, Any]]


@scenario
def shown(stack: Stack) -> Shown:
    """An ingestion by a connection out of Airflow's database."""
    emulator = stack.emulators["xai_collections_default"]
    connection = {**json.loads(emulator.connection), "connection_id": STORED}
    stack.api.ask("POST", "/connections", json={**connection, "extra": json.dumps(connection["extra"])})
    run, collection_id = stack.ingest("system_ingest", STORED, season="winter")
    run.ends("success")
    return Shown(
        collection_id=collection_id,
        fields=run.task("ingest")["rendered_fields"],
        links=run.links("ingest"),
        events=stack.api.get("/assets/events", source_dag_id=run.dag_id, source_run_id=run.run_id)["asset_events"],
    )


def test_airflow_shows_the_link_the_event_of_the_collection_and_what_was_asked_for(shown: Shown) -> None:
    assert list(shown.links) == ["xAI collections"]
    page = f"/plugin/xai-collections/xai-collections/c/{shown.collection_id}?conn={STORED}"
    assert shown.links["xAI collections"].endswith(page)
    (event,) = shown.events
    assert event["uri"] == f"xai://collections/{shown.collection_id}"
    assert event["source_task_id"] == "ingest"
    assert (event["extra"]["added"], event["extra"]["failed"]) == (len(TEXTS), 0)
    assert shown.fields["collection_id"] == shown.collection_id
    assert shown.fields["fields"] == {"season": "winter"}
    assert shown.fields["conn_id"] == STORED


@dataclass(frozen=True)
class Kept:
    """All that Airflow has written, as text, by where."""

    database: str
    logs: str
    answers: str

    def places_of(self, word: str) -> set[str]:
        """Where a word is, as it stands or as databases and protocols write it."""
        return {name for name, text in vars(self).items() if any(form in text for form in forms(word))}


def forms(word: str) -> Iterator[str]:
    """The word; in hexadecimal digits; in base64, wherever in the text it begins."""
    yield word
    yield word.encode().hex()
    yield word.encode().hex().upper()
    for offset in range(3):
        # The first and the last characters depend on what is around the word.
        yield b64encode(bytes(offset) + word.encode()).decode()[4:-4]


@pytest.fixture(scope="module")
def kept(stack: Stack, scenarios: Scenarios, shown: Shown) -> Kept:
    """Return what is there when every story is over."""
    scenarios.wait_for_all()
    logs = [path.read_text(errors="replace") for path in stack.files_of_airflow()]
    answers = [str(stack.api.get(path, limit=100)) for path in LISTS]
    return Kept(stack.database.dump(), "\n".join(logs), "\n".join(answers))


@pytest.mark.parametrize("key", [MANAGEMENT_KEY, API_KEY], ids=["management", "api"])
def test_a_key_is_nowhere(kept: Kept, key: str) -> None:
    assert not kept.places_of(key)


def test_the_search_finds_what_is_no_secret_everywhere(kept: Kept, shown: Shown) -> None:
    assert kept.places_of(shown.collection_id) == {"database", "logs", "answers"}
    # In base64, and in a protocol's hexadecimal digits.
    elsewhere = Kept(b64encode(b"xx" + API_KEY.encode() + b" and more").decode(), API_KEY.encode().hex(), "")
    assert elsewhere.places_of(API_KEY) == {"database", "logs"}


def test_a_stored_connection_is_there_and_unreadable(kept: Kept) -> None:
    encrypted = [line for line in kept.database.splitlines() if STORED in line and FERNET in line]
    assert [line.count(FERNET) for line in encrypted] == [2]  # the password, and the extras
