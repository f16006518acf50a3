"""A retry policy for tasks that call the hook themselves (single calls: ``api/retries``). From Airflow 3.3 on.

The operators need none: what a retry cannot fix fails them at once on every version, with ``AirflowFailException``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException

from airflow_provider_xai_collections.airflow_errors import FINAL
from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.exceptions import XAIRateLimitError

if TYPE_CHECKING:
    from airflow.sdk import ExceptionRetryPolicy


def xai_retry_policy(*, rate_limit_delay: Duration = timedelta(minutes=5)) -> ExceptionRetryPolicy:
    """Return a policy for ``retry_policy=``: rate limits wait, auth and bad input fail at once, the rest is as the task
    says.

    :param rate_limit_delay: the pause before the next try after a rate limit, as a ``timedelta`` or in seconds. (Within
        one try, calls have been repeated for up to five minutes already.)
    :raises AirflowOptionalProviderFeatureException: this Airflow is older than 3.3.
    """
    try:
        from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
    except ImportError as error:
        raise AirflowOptionalProviderFeatureException(
            "retry_policy needs Airflow 3.3. Before that, use retries and retry_delay: the operators fail at once on "
            "what a retry cannot fix"
        ) from error
    delay = timedelta(seconds=seconds("rate_limit_delay", rate_limit_delay))
    return ExceptionRetryPolicy(
        rules=[
            RetryRule(XAIRateLimitError, RetryAction.RETRY, retry_delay=delay, reason="xAI asked to slow down"),
            RetryRule(list(FINAL), RetryAction.FAIL, reason="the same request would meet the same answer"),
        ]
    )
