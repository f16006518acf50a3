"""Refusals for good: one request, no retry, nothing more is uploaded, and the error says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAICreditsError
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.conftest import playing
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import report_of

NO_CREDITS = r"the team has no credits left, or reached its spending limit .*https://console\.x\.ai"
NO_PERMISSION = "Give the management key the permission for AddFileToCollection"


@pytest.mark.parametrize("emulator_settings", [playing(out_of_credits=shape) for shape in ("429", "403")])
@pytest.mark.parametrize(
    ("kind", "arguments", "endpoint"),
    [
        (XAICreateCollectionOperator, {"collection_name": "whales"}, "create_collection"),
        (XAISearchDocumentsOperator, {"query": "whale", "collection_ids": ["collection_1"]}, "search_documents"),
    ],
)
def test_a_lack_of_credits_is_no_rate_limit_and_no_missing_permission(
    xai: Xai, clock: FlyingTime, kind: type[Any], arguments: dict[str, Any], endpoint: str
) -> None:
    with pytest.raises(XAIFailException, match=NO_CREDITS) as raised:
        run(kind(task_id="task", **arguments))
    assert xai.emulator.count(endpoint) == 1
    assert isinstance(raised.value.__cause__, XAICreditsError)
    assert "too many requests" not in str(raised.value)
    assert "permission for" not in str(raised.value)
    assert clock.pauses == []


@pytest.mark.parametrize("said", [NO_CREDITS, NO_PERMISSION], ids=["credits", "permission"])
@pytest.mark.parametrize("upload_method", ["auto", "files"])
@pytest.mark.parametrize("kind", [XAIIngestDocumentsOperator, XAISyncCollectionOperator])
def test_work_that_meets_it_stops_before_it_uploads_more(
    xai: Xai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Any], upload_method: str, said: str
) -> None:
    many = write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(60)})
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    handle, uploading = xai.emulator.handle, "upload_document" if upload_method == "auto" else "add_document"

    def handle_until_they_end(request: HttpRequest) -> HttpReply:
        if xai.emulator.count(uploading) >= 10:
            if said == NO_CREDITS:
                xai.emulator.settings = playing(out_of_credits="429_everywhere")
            else:
                xai.emulator.set_faults(FaultRule(endpoint=uploading, status=403))
        return handle(request)

    monkeypatch.setattr(xai.emulator, "handle", handle_until_they_end)
    source = {"paths" if kind is XAIIngestDocumentsOperator else "source": many}
    how: dict[str, Any] = {"concurrency": 4, "upload_method": upload_method, "report": report, **source}
    doomed = kind(task_id="task", collection_id=whales, **how)
    with pytest.raises(XAIFailException, match=said):
        run(doomed)
    assert xai.emulator.count(uploading) < 10 + 2 * 4
    assert xai.emulator.count("upload_file") < 10 + 3 * 4
    assert [line["outcome"] for line in report_of(report)].count("untried") == doomed.manifest.untried > 40
    assert doomed.manifest.added + doomed.manifest.errors + doomed.manifest.untried == 60
    if said == NO_PERMISSION:
        assert xai.unattached(whales) == []
