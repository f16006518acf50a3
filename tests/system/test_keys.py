"""No key in anything that Airflow keeps: its database, all its logs, and what its API tells."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.system.emulators import API_KEY, MANAGEMENT_KEY
from tests.system.scenario import Scenarios
from tests.system.scenarios.shown import STORED, Shown
from tests.system.stack import Stack

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
class Kept:
    """All that Airflow has written, as text, by where."""

    database: str
    logs: str
    answers: str

    def places_of(self, word: str) -> set[str]:
        """Where a word is, as it stands or as databases and protocols write it."""
        places = {"database": self.database, "logs": self.logs, "answers": self.answers}
        return {name for name, text in places.items() if any(form in text for form in forms(word))}


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


@pytest.mark.parametrize("offset", range(3))
def test_the_search_finds_what_is_written_in_another_way(offset: int) -> None:
    hidden = b64encode(b"x" * offset + MANAGEMENT_KEY.encode() + b" and more").decode()
    assert Kept(hidden, MANAGEMENT_KEY.encode().hex(), "").places_of(MANAGEMENT_KEY) == {"database", "logs"}


def test_a_stored_connection_is_there_and_unreadable(kept: Kept) -> None:
    encrypted = [line for line in kept.database.splitlines() if STORED in line and FERNET in line]
    assert [line.count(FERNET) for line in encrypted] == [2]  # the password, and the extras
