"""### Alert: the documents that failed, and why, to whoever can fix them

A sync that tolerates some failures succeeds without the documents that xAI could not index, and the error of one that
fails names only the first. The report of the task has a line for each document, whether it ends well or not. The
callback reads it and sends one message, when the task has failed for good or succeeded.

Put a notifier where the message is logged, such as `SlackNotifier(slack_conn_id=…, text=text).notify(context)` or
`SmtpNotifier(to=…, subject=…, html_content=text).notify(context)`. Run again: what failed is uploaded again, unless xAI
said that it will never index it.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator


def alert(context: Any) -> None:
    """Send the documents that are not in the collection as they should be; nothing if there are none."""
    report, error = Path(context["ti"].task.report), context.get("exception")
    lines = map(json.loads, report.read_text().splitlines()) if report.exists() else ()
    lost = [line for line in lines if line["outcome"] in ("failed", "error", "untried")]
    named = [f"{line['name']}: {line['reason']}" for line in lost[:20]]
    if lost or error:
        count = [f"Documents that failed: {len(lost)}"] if report.exists() else []
        text = "\n".join([*count, *named, *([str(error)] if error else [])])
        logging.getLogger(__name__).warning(text)


@dag(
    dag_id="xai_alert_failed_documents",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    params={
        "collection_name": Param("handbook", type="string"),
        "documents": Param("/opt/airflow/documents", type="string"),
        "reports": Param("/tmp/handbook-reports", type="string", description="A folder on the worker."),  # noqa: S108
    },
    doc_md=__doc__,
)
def xai_alert_failed_documents() -> None:
    XAISyncCollectionOperator(
        task_id="sync",
        collection_name="{{ params.collection_name }}",
        source="{{ params.documents }}",
        report="{{ params.reports }}/{{ run_id }}.jsonl",
        max_failed=0.5,
        on_success_callback=alert,
        on_failure_callback=alert,
    )


xai_alert_failed_documents()
