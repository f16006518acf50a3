"""What a task was asked to do is known again in another process, whatever stands in its arguments."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.decorators.ingest import XAIIngestDecoratedOperator
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.operators.ingestion import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.waits.resuming import WaitMemory
from tests.lazy import Lazily, lazily
from tests.operators.stage import StateStore, context

__all__ = ["lazily"]

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("whale", "ship", "sea", "ahab", "ishmael", "queequeg", "starbuck", "pequod")


class Opaque:
    """An object of which Python only tells where it lies in memory."""


@dataclass(frozen=True)
class Query:
    """An argument that holds a set, and something that its text leaves out."""

    words: frozenset[str] = frozenset(WORDS)
    hidden: str = field(default="", repr=False)


def asked(*op_args: Any, **op_kwargs: Any) -> str:
    """The digest of a task whose function has these arguments."""
    task = XAIIngestDecoratedOperator(
        task_id="task", collection_id="c", python_callable=asked, op_args=op_args, op_kwargs=op_kwargs
    )
    return WaitMemory.of(task, context(store=StateStore())).task


def of_everything() -> str:
    return asked(
        set(WORDS),
        [frozenset(WORDS)],
        Opaque(),
        Query(),
        Path("/library"),
        b"whale",
        by_word={word: {number, word} for number, word in enumerate(WORDS)},
        by_number={1: "a", "b": None, (2, 3): 1.5},
    )


@pytest.mark.parametrize("seed", ["0", "1"])
def test_a_process_with_other_hashes_and_addresses_knows_it_again(seed: str) -> None:
    script = "import tests.conftest; from tests.waits.test_resuming import of_everything; print('=', of_everything())"
    other = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.splitlines()[-1] == f"= {of_everything()}"


@pytest.mark.parametrize(
    "changed",
    [
        {"one": [Query(frozenset({"whale"}))], "other": [Query(frozenset({"sea"}))]},
        {"one": [Query(hidden="a")], "other": [Query(hidden="b")]},
        {"one": [{"a", "b"}], "other": [{"a", "c"}]},
        {"one": [["a", "b"]], "other": [["b", "a"]]},
        {"one": [Path("/a")], "other": [Path("/b")]},
        {"one": [b"a"], "other": [b"b"]},
        {"one": [{"a": 1}], "other": [{"a": 2}]},
        {"one": [["a"]], "other": ["a"]},
        {"one": [Opaque()], "other": [object()]},
    ],
)
def test_other_arguments_are_other_work(changed: dict[str, Any]) -> None:
    assert asked(*changed["one"]) != asked(*changed["other"])


def test_to_follow_links_is_other_work() -> None:
    def of(**arguments: Any) -> str:
        task = XAIIngestDocumentsOperator(task_id="task", collection_id="c", paths="/library", **arguments)
        return WaitMemory.of(task, context(store=StateStore())).task

    assert of() == of(follow_links=False) != of(follow_links=True)


def test_what_mapped_tasks_returned_is_what_it_holds(lazily: Lazily) -> None:
    def of(file_ids: Any) -> str:
        task = XAIAddDocumentsOperator(task_id="task", collection_id="c", file_ids=file_ids)
        return WaitMemory.of(task, context(store=StateStore())).task

    assert of(lazily(["a", "b"])) == of(["a", "b"]) == of("['a', 'b']")
    assert of(lazily(["a", "b"])) != of(lazily(["a", "c"]))
