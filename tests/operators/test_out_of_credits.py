"""A team without credits: one request, no retry, nothing more is uploaded, and the error says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAICreditsError
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.conftest import playing
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import report_of, sync

SHAPES = pytest.mark.parametrize("emulator_settings", [playing(out_of_credits=shape) for shape in ("429", "403")])
SAID = r"the team has no credits left, or reached its spending limit .*https://console\.x\.ai"


@SHAPES
def test_a_collection_cannot_be_created_and_it_is_no_rate_limit_and_no_missing_permission(
    xai: Xai, clock: FlyingTime
) -> None:
    with pytest.raises(XAIFailException, match=SAID) as raised:
        run(XAICreateCollectionOperator(task_id="create", collection_name="whales"))
    assert xai.emulator.count("create_collection") == 1
    assert isinstance(raised.value.__cause__, XAICreditsError)
    assert "too many requests" not in str(raised.value)
    assert "permission for" not in str(raised.value)
    assert clock.pauses == []


@SHAPES
def test_a_search_says_the_same_on_the_other_host(xai: Xai, clock: FlyingTime) -> None:
    with pytest.raises(XAIFailException, match=SAID):
        run(XAISearchDocumentsOperator(task_id="search", query="whale", collection_ids=["collection_1"]))
    assert xai.emulator.counts == {"search_documents": 1}


@SHAPES
def test_a_sync_that_may_not_create_its_collection_uploads_nothing(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIFailException, match=SAID):
        sync(folder)
    assert xai.emulator.count("upload_document") == xai.emulator.count("upload_file") == 0


@pytest.mark.parametrize("upload_method", ["auto", "files"])
@pytest.mark.parametrize("kind", [XAIIngestDocumentsOperator, XAISyncCollectionOperator])
def test_work_that_meets_it_stops_before_it_uploads_more(
    xai: Xai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Any], upload_method: str
) -> None:
    many = write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(60)})
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    handle, uploading = xai.emulator.handle, "upload_document" if upload_method == "auto" else "add_document"

    def handle_until_they_end(request: HttpRequest) -> HttpReply:
        if xai.emulator.count(uploading) >= 10:
            xai.emulator.settings = playing(out_of_credits="429_everywhere")
        return handle(request)

    monkeypatch.setattr(xai.emulator, "handle", handle_until_they_end)
    source = {"paths" if kind is XAIIngestDocumentsOperator else "source": many}
    how: dict[str, Any] = {"concurrency": 4, "upload_method": upload_method, "report": report, **source}
    with pytest.raises(XAIFailException, match=SAID):
        run(kind(task_id="task", collection_id=whales, **how))
    assert xai.emulator.count(uploading) < 10 + 2 * 4
    assert xai.emulator.count("upload_file") < 10 + 3 * 4
    outcomes = [line["outcome"] for line in report_of(report)]
    assert outcomes.count("untried") > 40
