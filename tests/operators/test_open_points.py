"""Operators and answers of the service that nobody has seen yet: they do their work with each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAIIncompleteListError
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIRemoveDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.conftest import playing
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import counts, only_id, sync, writes

ANSWERS: list[dict[str, Any]] = [
    {"undeclared_fields": "drop"},
    {"undeclared_fields": "keep"},
    {"add_existing_field": "refuse"},
    {"new_required_field": "accept"},
    {"max_page": 7},
    {"max_page": 1, "pagination_end": "empty"},
    {"pagination_end": "always"},
    {"pagination_end": "repeat", "max_page": 50},
    {"files_order": "ascending"},
    {"files_pagination_end": "first_page"},
    {"batch_get_status": 400},
    {"batch_get_status": 404},
    {"batch_get_status": 405},
    {"batch_get_unknown": "error"},
    {"batch_get_max": 3, "batch_get_max_status": 414},
    {"list_lag_reads": 1},
    {"get_lag_reads": 2},
    {"attach_twice": "ok"},
    {"direct_upload_answer": "empty"},
    {"direct_upload_answer": "error"},
    {"direct_upload_status": 404},
    {"direct_upload_status": 405},
    {"files_text": "extract"},
    {"delete_attached_file": "refuse"},
    {"unique_violation_status": 400},
    {"unique_violation_status": 422},
    {"error_shape": "html"},
    {"empty_arrays": "null"},
    {"empty_arrays": "absent"},
    {"last_indexed_at_null": True},
    {"unknown_status_word": "DOCUMENT_STATUS_DREAMING", "indexing": "reads:1"},
]
EACH = pytest.mark.parametrize(
    "emulator_settings",
    [pytest.param(playing(**answer), id=" ".join(f"{k}={v}" for k, v in answer.items())) for answer in ANSWERS],
)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    return write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(23)})


@EACH
@pytest.mark.parametrize("upload_method", ["auto", "files"])
def test_a_collection_equals_its_source_after_each_sync(
    xai: Xai, many: Path, clock: FlyingTime, upload_method: str
) -> None:
    arguments: dict[str, Any] = {"upload_method": upload_method, "fields": {"year": "1851"}, "poll_interval": 0.1}
    assert counts(sync(many, **arguments)) == {"documents": 23, "added": 23}
    assert counts(sync(many, **arguments)) == {"documents": 23, "kept": 23}
    write(many, {"00.md": "no 0, second edition", "new.md": "new"})
    (many / "01.md").unlink()
    third = sync(many, **arguments, prune=True)
    assert (third["added"], third["replaced"], third["removed"], third["kept"]) == (1, 1, 1, 21)
    names = sorted(path.name for path in many.iterdir())
    for _ in range(2):  # a list that lags is behind once
        shown = xai.names(only_id(xai))
    assert shown == names
    assert sorted(store_names(xai)) == names


def store_names(xai: Xai) -> Iterator[str]:
    """Return the names of all files there are, whatever a list of them shows."""
    for row in xai.emulator._store._sql.execute("SELECT filename FROM files"):
        yield row["filename"]


@EACH
def test_the_other_operators_do_their_work(xai: Xai, clock: FlyingTime) -> None:
    created = run(XAICreateCollectionOperator(task_id="create", collection_name="whales"))
    assert run(XAICreateCollectionOperator(task_id="create", collection_name="whales")) == created
    ids = [xai.file(f"{number}.md") for number in range(12)]
    adding = XAIAddDocumentsOperator(task_id="add", collection_id=created, file_ids=ids, fields={"year": "1851"})
    assert run(adding)["wait"]["processed"] == 12
    again = run(adding)  # a service that answers a second attach as it did the first does not tell which it was
    assert again["total"] == 12
    assert again["already_there"] == (0 if xai.emulator.settings.attach_twice == "ok" else 12)
    sensor = XAIDocumentsProcessedSensor(task_id="wait", collection_id=created, file_ids=ids, poke_interval=0.01)
    run(sensor)
    update = XAIUpdateCollectionOperator(task_id="update", collection_id=created, add_fields=[{"key": "kind"}])
    run(update)
    run(update)
    removing = XAIRemoveDocumentsOperator(task_id="remove", collection_id=created, file_ids=ids[:5], delete_files=True)
    assert run(removing)["removed"] == 5
    assert len(list(store_names(xai))) == 7
    run(XAIDeleteCollectionOperator(task_id="delete", collection_id=created, delete_files=True))
    assert list(store_names(xai)) == []


@pytest.mark.parametrize("emulator_settings", [playing(pagination_end="first_page")])
def test_a_list_that_never_ends_changes_nothing(xai: Xai, tmp_path: Path, clock: FlyingTime) -> None:
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(120)})
    whales = xai.collection()
    sync(many, whales)
    for path in many.iterdir():
        if path.name > "110":
            path.unlink()
    xai.forget()
    with pytest.raises(XAIIncompleteListError):
        sync(many, whales, prune=True)
    assert writes(xai) == {}
    with pytest.raises(XAIIncompleteListError):
        run(XAIRemoveDocumentsOperator(task_id="remove", collection_id=whales, scope=many.as_uri()))
    assert "remove_document" not in xai.emulator.counts
