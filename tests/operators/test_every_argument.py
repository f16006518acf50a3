"""No argument is accepted and forgotten: each has a case here, in which another value comes to something else.

A case is played three times: twice with its one value, which must come to the same, and once with the other.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.decorators.ingest import Content, XAIIngestDecoratedOperator
from airflow_provider_xai_collections.operators.base import XAIBaseOperator, XAICollectionOperator
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIReindexDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.ingesting import XAIIngestingOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
    xai_sync_group,
)
from airflow_provider_xai_collections.operators.waiting import XAIWaitingOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from scripts.provided import arguments, classes
from tests.conftest import CONN_ID
from tests.lazy import Lazily, lazily
from tests.operators.scenes import NOON, Case, Outcome, Scene, Theatre, theatre, write_two
from tests.operators.stage import run, write

__all__ = ["lazily", "theatre"]

whales, other, attached, loose, folder = map(attrgetter, ("whales", "other", "attached", "loose", "folder"))
FAILING = {"fail_names": ("bad*",)}
STUCK = {"stuck": ("bad*",)}
SLOW = {"indexing": "reads:2"}
MANIFEST = {"version": 1, "collection_id": "collection_1", "total": 1, "added": 1, "already_there": 0}
HALF_AN_HOUR = {"timeout": 1800, "poll_interval": 60}


# Values that depend on the scene.


def first(files: attrgetter[Any]) -> Any:
    """Only the first of these files."""
    return lambda scene: files(scene)[:1]


def fields_of_the_first_loose_file(scene: Scene) -> dict[str, dict[str, str]]:
    return {scene.loose[0]: {"year": "1851"}}


def below(name: str) -> Any:
    """A place beside the folder of documents."""
    return lambda scene: scene.folder.parent / name


def planned(**arguments: Any) -> Any:
    """The plan that the first task of a group hands on."""

    def plan(scene: Scene) -> Any:
        xcoms: dict[str, str] = {}
        folder = {"source": scene.folder, "collection_id": scene.whales, "workspace": scene.folder.parent / "plans"}
        run(XAIPlanSyncOperator(task_id="plan", **{**folder, **arguments}), xcoms=xcoms)
        return json.loads(xcoms["planned"])

    return plan


def planned_and_applied(**arguments: Any) -> Any:
    def plan_and_apply(scene: Scene) -> Any:
        folder = {"source": scene.folder, "collection_id": scene.whales}
        handed_on = planned(**arguments)(scene)
        run(XAIApplySyncOperator(task_id="apply", planned=handed_on, shard=0, concurrency=1, **folder))
        return handed_on

    return plan_and_apply


def synced(**arguments: Any) -> Any:
    """A collection with the documents of a sync."""

    def sync(scene: Scene) -> str:
        run(
            XAISyncCollectionOperator(
                task_id="sync", source=scene.folder, collection_id=scene.whales, concurrency=1, **arguments
            )
        )
        return scene.whales

    return sync


def rewritten(folder: Path) -> None:
    """Other content, which no listing tells."""
    write(folder, {"good.md": "a nice whale"})
    os.utime(folder / "good.md", (NOON, NOON))


def edited(folder: Path) -> None:
    """Other content, of another size."""
    write(folder, {"good.md": "a very good whale"})
    os.utime(folder / "good.md", (NOON, NOON))


def with_a_link(scene: Scene) -> Path:
    """The folder with a link in it to a document that is elsewhere."""
    elsewhere = write(scene.folder.parent / "elsewhere", {"linked.md": "a whale elsewhere"}) / "linked.md"
    os.utime(elsewhere, (NOON, NOON))
    if not (scene.folder / "linked.md").is_symlink():
        (scene.folder / "linked.md").symlink_to(elsewhere)
    return scene.folder


def with_a_hopeless_file(scene: Scene) -> Path:
    """The folder with a document in it that xAI says it will never index."""
    write(scene.folder, {"hopeless.md": b"caf\xe9"})
    os.utime(scene.folder / "hopeless.md", (NOON, NOON))
    return scene.folder


def returning(make: Callable[[Scene], Any]) -> Any:
    """A decorated function that returns this."""
    return lambda scene: lambda: str(make(scene))


def write_as(name: str) -> Content:
    return Content(name=name, data="a good whale")


#: With one document, no poll of another comes between two requests by chance.
ONE = {"source": folder, "collection_id": whales, "pattern": "good*", "concurrency": 1}
BAD = {"pattern": "bad*"}
BOTH = {"pattern": "*"}
SCOPE = {"scope": "whales"}
HOPELESS = {"pattern": "hopeless*", "max_failed": None}
NEW = {"collection_id": None, "collection_name": "dolphins"}

#: The arguments that every run of a kind begins with.
BASE: dict[Any, Mapping[str, Any]] = {
    XAICreateCollectionOperator: {"collection_name": "dolphins"},
    XAIUpdateCollectionOperator: {"collection_id": whales, "collection_description": "large"},
    XAIDeleteCollectionOperator: {"collection_id": whales},
    XAIAddDocumentsOperator: {"collection_id": whales, "file_ids": loose, "concurrency": 1},
    XAIRemoveDocumentsOperator: {"collection_id": whales, "file_ids": attached, "concurrency": 1},
    XAIReindexDocumentsOperator: {"collection_id": whales, "file_ids": attached, "concurrency": 1},
    XAIDeleteUnattachedFilesOperator: {"older_than": 0.001, "concurrency": 1},
    XAISearchDocumentsOperator: {"query": "whale", "collection_ids": lambda scene: [scene.whales]},
    XAIIngestDocumentsOperator: {"collection_id": whales, "paths": folder, "concurrency": 1},
    XAIIngestDecoratedOperator: {
        "collection_id": whales,
        "concurrency": 1,
        "python_callable": lambda scene: write_two,
    },
    XAISyncCollectionOperator: ONE,
    xai_sync_group: {**ONE, "workspace": below("plans")},
    XAIPlanSyncOperator: {**ONE, "workspace": below("plans")},
    XAIApplySyncOperator: {**ONE, "planned": planned(pattern="good*"), "shard": 0},
    XAIFinishSyncOperator: {**ONE, "planned": planned_and_applied(pattern="good*")},
    XAIDocumentsProcessedSensor: {"collection_id": whales, "file_ids": attached, "poke_interval": 60},
    XAIDocumentsProcessedTrigger: {"collection_id": whales, "file_ids": attached, "poll_interval": 60},
}

TEAM = {"team_id": Case(None, "team_7")}
CONNECTION = {"conn_id": Case(CONN_ID, "nobody_knows")}
COLLECTION = {
    "collection_id": Case(whales, other),
    "collection_name": Case("whales", "other", given={"collection_id": None}),
}
FAILURES = {"max_failed": Case(0, 1, xai=FAILING)}
SYNC: dict[str, Case] = {
    "source": Case(folder, lambda scene: scene.folder / "good.md"),
    "pattern": Case("good*", "*", given={"wait_for_completion": False}),
    "exclude": Case((), ["good*"]),
    "follow_links": Case(False, True, given={"source": with_a_link, "pattern": "linked.md"}),
    "scope": Case(None, "mine"),
    "update_fields": Case(False, True, given={"fields": {"year": "1851"}}, before={"pattern": "good*"}),
    "verify_content": Case(False, True, before={}, meanwhile=rewritten),
    "retry_failed": Case(False, True, given=HOPELESS, before={**HOPELESS, "source": with_a_hopeless_file}),
    "prune": Case(False, True, given={"max_prune": None, **SCOPE}, before=SCOPE),
    "max_prune": Case(None, 0, given={"prune": True, **SCOPE}, before=SCOPE),
    "delete_files": Case(True, False, given={"prune": True, "max_prune": None, **SCOPE}, before=SCOPE),
    "concurrency": Case(1, 2, given={**BOTH, "wait_for_completion": False}, busy=True),
    "overlap": Case(30, timedelta(minutes=1), before={}, meanwhile=edited),
    "timeout": Case(600, timedelta(minutes=20), given={**BAD, "poll_interval": 60}, xai=STUCK),
    "poll_interval": Case(60, 120, given={**BAD, **HALF_AN_HOUR}, xai=STUCK),
    "max_failed": Case(0, 1, given=BAD, xai=FAILING),
}

#: The cases of a class hold for those that are made of it, unless they have their own.
CASES: dict[Any, dict[str, Case]] = {
    XAIBaseOperator: {**TEAM, **CONNECTION},
    XAICollectionOperator: COLLECTION,
    XAIWaitingOperator: {
        **FAILURES,
        "file_ids": Case(loose, first(loose)),
        "concurrency": Case(1, 2, busy=True),
        "wait_for_completion": Case(True, False),
        "timeout": Case(600, timedelta(minutes=20), given={"poll_interval": 60}, xai=STUCK),
        "poll_interval": Case(60, 120, given=HALF_AN_HOUR, xai=STUCK),
        "deferrable": Case(False, True, xai=SLOW),
    },
    XAIAddDocumentsOperator: {
        "fields": Case(None, {"year": "1851"}),
        "document_fields": Case(None, fields_of_the_first_loose_file),
        "declare_fields": Case(True, False, given={"fields": {"author": "Melville"}}),
    },
    XAIReindexDocumentsOperator: {
        "which": Case("all", "failed", given={"file_ids": None, "max_failed": None}, xai=FAILING),
        "file_ids": Case(attached, first(attached)),
    },
    XAIRemoveDocumentsOperator: {
        "file_ids": Case(attached, first(attached)),
        "filter": Case('name:"good"', 'name:"bad"', given={"file_ids": None}),
        "scope": Case("mine", "yours", given={"file_ids": None, "collection_id": synced(scope="mine")}),
        "delete_files": Case(False, True),
        "concurrency": Case(1, 2, busy=True),
    },
    XAICreateCollectionOperator: {
        "collection_name": Case("dolphins", "porpoises"),
        "if_exists": Case("reuse", "fail", given={"collection_name": "whales"}),
        "index_configuration": Case(None, {"model_name": "grok-embedding-small"}),
        "chunk_configuration": Case(None, {"bytes_configuration": {"max_chunk_size_bytes": 99}}),
        "metric_space": Case(None, "HNSW_METRIC_COSINE"),
        "field_definitions": Case(None, [{"key": "year"}]),
        "collection_description": Case(None, "small"),
    },
    XAIUpdateCollectionOperator: {
        "new_collection_name": Case(None, "dolphins"),
        "collection_description": Case("large", "small"),
        "chunk_configuration": Case(None, {"bytes_configuration": {"max_chunk_size_bytes": 99}}),
        "add_fields": Case(None, [{"key": "author"}]),
        "delete_fields": Case(None, ["year"], given={"allow_field_delete": True}),
        "allow_field_delete": Case(False, True, given={"delete_fields": ["year"]}),
        "dry_run": Case(False, True),
    },
    XAIDeleteCollectionOperator: {
        "if_missing": Case("skip", "fail", given={"collection_id": "collection_unknown"}),
        "delete_files": Case(False, True),
        "concurrency": Case(1, 2, given={"delete_files": True}, busy=True),
    },
    XAIDeleteUnattachedFilesOperator: {
        "older_than": Case(0.001, timedelta(days=9)),
        "pattern": Case("*", "nothing*"),
        "dry_run": Case(True, False),
        "concurrency": Case(1, 2, given={"dry_run": False}, busy=True),
        "report": Case(None, below("report.jsonl")),
    },
    XAISearchDocumentsOperator: {
        **CONNECTION,
        "query": Case("whale", "ship"),
        "collection_ids": Case(lambda scene: [scene.whales], lambda scene: [scene.whales, scene.other]),
        "filter": Case(None, 'year = "1851"'),
        "limit": Case(None, 1),
        "instructions": Case(None, "prefer the good"),
        "retrieval_mode": Case(None, {"type": "keyword"}),
        "group_by": Case(None, {"keys": ["year"]}),
        "max_chars": Case(500, 5),
        "managed_fields": Case(False, True, given={"collection_ids": lambda scene: [synced()(scene)]}),
        "min_matches": Case(0, 5),
        "min_score": Case(None, 0.999),
        "expect_file_ids": Case((), ["file_unknown"]),
        "timeout": Case(20, timedelta(seconds=40), given={"min_matches": 5}),
        "poll_interval": Case(5, 10, given={"min_matches": 5}),
    },
    XAIIngestingOperator: {
        "create_collection": Case(True, False, given=NEW),
        "fields": Case(None, {"year": "1851"}),
        "declare_fields": Case(True, False),
        "upload_method": Case("files", "direct"),
        "wait_for_completion": Case(True, False),
        "report": Case(None, below("report.jsonl")),
        "deferrable": Case(False, True),
    },
    XAIIngestDocumentsOperator: {
        **FAILURES,
        "pattern": Case("*", "*.md"),
        "exclude": Case((), ["*.md"]),
        "scope": Case("mine", "yours"),
        "concurrency": Case(1, 2, busy=True),
        "timeout": Case(600, timedelta(minutes=20), given={"poll_interval": 60}, xai=STUCK),
        "poll_interval": Case(60, 120, given=HALF_AN_HOUR, xai=STUCK),
        "paths": Case(folder, lambda scene: scene.folder / "good.md"),
        "follow_links": Case(False, True, given={"paths": with_a_link}),
        "retry_failed": Case(
            False, True, given=HOPELESS, before={**HOPELESS, "source": with_a_hopeless_file, "scope": "default"}
        ),
    },
    XAIIngestDecoratedOperator: {
        "python_callable": Case(lambda scene: write_two, lambda scene: lambda: write_as("good.md")),
        "op_args": Case(["good.md"], ["nice.md"], given={"python_callable": lambda scene: write_as}),
        "op_kwargs": Case({"name": "good.md"}, {"name": "nice.md"}, given={"python_callable": lambda scene: write_as}),
        "pattern": Case("*", "*.md", given={"python_callable": returning(folder)}),
        "exclude": Case((), ["*.md"], given={"python_callable": returning(folder)}),
        "follow_links": Case(False, True, given={"python_callable": returning(with_a_link)}),
        "retry_failed": Case(
            False,
            True,
            given={**HOPELESS, "python_callable": returning(folder)},
            before={**HOPELESS, "source": with_a_hopeless_file, "scope": "default"},
        ),
    },
    XAISyncCollectionOperator: {**SYNC, "dry_run": Case(False, True)},
    XAIPlanSyncOperator: {
        "workspace": Case(below("plans"), below("other plans")),
        "shards": Case(1, 1001),
    },
    XAIApplySyncOperator: {
        "planned": Case(planned(pattern="good*"), planned(pattern="bad*")),
        "shard": Case(0, 1),
    },
    XAIFinishSyncOperator: {
        "planned": Case(planned_and_applied(pattern="good*"), planned(pattern="nothing*")),
    },
    XAIDocumentsProcessedSensor: {
        **TEAM,
        **CONNECTION,
        **COLLECTION,
        **FAILURES,
        "file_ids": Case(attached, first(attached)),
        "filter": Case('name:"good"', 'name:"bad"', given={"file_ids": None}),
        "deferrable": Case(False, True, xai=SLOW),
    },
    XAIDocumentsProcessedTrigger: {
        **TEAM,
        **CONNECTION,
        "collection_id": Case(whales, other),
        "file_ids": Case(attached, first(attached)),
        "filter": Case('name:"good"', 'name:"bad"', given={"file_ids": None}),
        "deadline": Case(NOON + 600, NOON + 1200, xai=STUCK),
        "at_deadline": Case("timed_out", "execution_timed_out", given={"deadline": NOON + 600}, xai=STUCK),
        "poll_interval": Case(60, 120, given={"deadline": NOON + 1800}, xai=STUCK),
        "manifest": Case(None, MANIFEST),
    },
    xai_sync_group: {
        **SYNC,
        "group_id": Case("sync", "other"),
        "workspace": Case(below("plans"), below("other plans")),
        "shards": Case(1, 1001),
        "outlets": Case((), lambda scene: [create_asset(collection_id=scene.whales)]),
        "report": Case(None, below("report.jsonl")),
    },
}

#: Each task of a group heeds some of the arguments that they share: they are played together.
GROUP = (XAIPlanSyncOperator, XAIApplySyncOperator, XAIFinishSyncOperator)
#: Airflow's own, of which ``test_sync_group.py`` shows that it is passed on.
PASSED_ON = ("max_active_tis_per_dagrun", "task")


def arguments_of_kind(kind: Any) -> list[inspect.Parameter]:
    """Each argument of ours once."""
    if kind is xai_sync_group:
        return [one for name, one in inspect.signature(kind).parameters.items() if name not in PASSED_ON]
    own = {"shard", "planned", "workspace", "shards"}
    found = {parameter.name: parameter for _, parameter in arguments(kind)}
    return [one for name, one in found.items() if kind not in GROUP or name in own]


def case_of(kind: Any, name: str) -> Case | None:
    """Return the case of an argument: of the kind itself, or of what it is made of."""
    # The group is no class; apart from its own arguments, it takes those of the operator.
    owners = [kind, *XAISyncCollectionOperator.__mro__] if kind is xai_sync_group else kind.__mro__
    return next((CASES[owner][name] for owner in owners if name in CASES.get(owner, {})), None)


KINDS: list[Any] = [kind for what in ("operators", "sensors", "triggers", "task-decorators") for kind in classes(what)]
PARAMETERS = [(kind, parameter) for kind in [*KINDS, xai_sync_group] for parameter in arguments_of_kind(kind)]
ARGUMENTS = [(kind, parameter.name) for kind, parameter in PARAMETERS]


def named(arguments: list[tuple[Any, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("kind", "name"), [pytest.param(kind, name, id=f"{kind.__name__}-{name}") for kind, name in arguments]
    )


def test_every_argument_has_a_case() -> None:
    assert [f"{kind.__name__}.{name}" for kind, name in ARGUMENTS if case_of(kind, name) is None] == []


def test_every_case_is_of_an_argument() -> None:
    used = {id(case_of(kind, name)) for kind, name in ARGUMENTS}
    assert [(owner, name) for owner in CASES for name, case in CASES[owner].items() if id(case) not in used] == []


@named(ARGUMENTS)
def test_another_value_comes_to_something_else(theatre: Theatre, kind: Any, name: str) -> None:
    case = case_of(kind, name)
    assert case is not None
    given = {**BASE[kind], **case.given}
    one, again, another = (
        theatre.play(kind, {**given, name: value}, case) for value in (case.one, case.one, case.another)
    )
    assert one == again, "the comparison below would compare chance"
    assert one != another


#: Lists for arguments whose cases above have none, or one that fails or comes in another order in each scene.
LISTS = {
    "paths": lambda scene: [str(scene.folder / name) for name in ("bad.txt", "good.md")],
    "pattern": lambda scene: ["*.text", "good*"],
    "exclude": lambda scene: ["*.bak", "*.tmp"],
    "group_by": lambda scene: ["year"],
    "collection_ids": lambda scene: [scene.whales],
    "expect_file_ids": first(attached),
}
MAY_BE_LISTS = [
    (kind, parameter.name)
    for kind, parameter in PARAMETERS
    if kind is not xai_sync_group and ("Sequence" in str(parameter.annotation) or parameter.name == "group_by")
]


def list_of(scene: Scene, case: Case, name: str) -> list[Any]:
    """Return a list that an argument takes, in an order that a set has as well."""
    for value in (LISTS.get(name), case.another, case.one):
        made = value(scene) if callable(value) else value
        if made and isinstance(made, list):
            return sorted(made, key=str)
    raise AssertionError(f"there is no list for {name}")


@named(MAY_BE_LISTS)
def test_what_mapped_tasks_return_is_a_list_and_so_is_a_set(
    theatre: Theatre, lazily: Lazily, kind: Any, name: str
) -> None:
    case = case_of(kind, name)
    assert case is not None

    def played(make: Callable[[list[Any]], Any]) -> Outcome:
        def value(scene: Scene) -> Any:
            made = make(list_of(scene, case, name))
            return {"keys": made} if name == "group_by" else made

        return theatre.play(kind, {**BASE[kind], **case.given, name: value}, case)

    expected = played(list)
    assert expected.error == ""
    assert played(lazily) == expected
    assert played(str) == expected, "as a template leaves it"
    if not name.endswith(("field_definitions", "add_fields")):  # of mappings, Python makes no sets
        assert played(set) == played(frozenset) == expected
