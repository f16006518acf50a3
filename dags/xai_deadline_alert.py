"""### Deadline alert: a sync that takes too long is told of while it still runs

From Airflow 3.1 on. A time-out ends a task, and a failure is told at its end; a deadline belongs to the whole run, and
Airflow sends the alert when it has passed, whatever the run is doing: waiting for a slot, uploading or indexing. The
run goes on. The sync gives its worker slot back while xAI is indexing.

The callback is named by its path, for the triggerer imports and runs it: any notifier of a provider will do, such as
`airflow.providers.slack.notifications.slack_webhook.SlackWebhookNotifier` with its arguments as `kwargs`. Here it is a
function of this file, which the triggerer finds if the folder of DAGs is on its `PYTHONPATH`. On Airflow 2.11 and 3.0
the DAG runs without an alert; `airflow dags test` of 3.3.2 fails at the end of any run with a deadline. Run again:
nothing is uploaded twice.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

LIMIT = timedelta(hours=2)


async def tell(text: str, **_: Any) -> None:
    """Send the alert; here, to the triggerer's log."""
    logging.getLogger(__name__).warning(text)


try:
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference  # type: ignore[attr-defined]  # no types yet
except ImportError:  # Airflow before 3.1
    alert: dict[str, Any] = {}
else:
    callback = AsyncCallback("xai_deadline_alert.tell", kwargs={"text": f"The sync runs for more than {LIMIT}"})
    alert = {"deadline": DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, interval=LIMIT, callback=callback)}


@dag(
    dag_id="xai_deadline_alert",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={
        "collection_name": Param("handbook", type="string"),
        "documents": Param("/opt/airflow/documents", type="string"),
    },
    doc_md=__doc__,
    **alert,
)
def xai_deadline_alert() -> None:
    source, name = "{{ params.documents }}", "{{ params.collection_name }}"
    XAISyncCollectionOperator(task_id="sync", collection_name=name, source=source, deferrable=True)


xai_deadline_alert()
