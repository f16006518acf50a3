"""Helpers of the sync tests: a sync in one line, and what it did in a few words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.operators.stage import Xai, run

#: The content of the fixture ``folder``.
LIBRARY = {"a.md": "alpha", "b.txt": "beta", "deep/c.md": "gamma"}
WRITES = (
    *("create_collection", "update_collection", "upload_file", "upload_document", "add_document"),
    *("remove_document", "delete_file"),
)
#: What a manifest counts. The bytes have tests of their own.
COUNTS = (
    *("documents", "added", "replaced", "fixed", "kept", "removed", "outdated_removed", "left", "skipped", "failed"),
    *("errors", "untried", "in_progress", "other_fields", "possible_orphans", "files_kept"),
)


def task(**arguments: Any) -> XAISyncCollectionOperator:
    return XAISyncCollectionOperator(**{"task_id": "sync", "concurrency": 1, **arguments})


def sync(source: Path | str, collection: str = "whales", *, try_number: int = 1, **arguments: Any) -> Any:
    """Run a sync to its end, and return its manifest."""
    name = {"collection_id" if collection.startswith("collection_") else "collection_name": collection}
    return run(task(source=source, **name, **arguments), try_number=try_number)


def counts(manifest: Any) -> dict[str, int]:
    """Return the counts of a manifest that are not zero."""
    return {name: manifest[name] for name in COUNTS if manifest[name]}


def writes(xai: Xai) -> dict[str, int]:
    """Count the calls of each endpoint that changes something."""
    return {endpoint: count for endpoint, count in xai.emulator.counts.items() if endpoint in WRITES}


def contents(xai: Xai, collection_id: str) -> dict[str, str]:
    """Return the text of each processed document, which a search would find, by its name. None is there twice."""
    processed = [each for each in xai.documents(collection_id) if each.status == "DOCUMENT_STATUS_PROCESSED"]
    assert len({each.name for each in processed}) == len(processed)
    store = xai.emulator._store
    return {each.name: store.file_content(each.file_id).decode() for each in processed}


def only_id(xai: Xai) -> str:
    """Return the id of the one collection there is."""
    (collection,) = xai.hook.list_collections()
    return collection.collection_id


def report_of(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def by_name(lines: Iterable[dict[str, Any]], *what: str) -> dict[str, Any]:
    """Return one value or several of each line of a report, by its name."""
    return {line["name"]: line[what[0]] if len(what) == 1 else tuple(line[each] for each in what) for line in lines}
