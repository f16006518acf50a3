"""How many documents may fail before the task does."""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_xai_collections.arguments import allowed_of, count_or_share, one_of


class OnFailed(StrEnum):
    """What documents that fail mean.

    ``FAIL``: one failed or missing document fails the task. ``THRESHOLD``: more than ``max_failed`` do. ``IGNORE``:
    they are only logged.
    """

    FAIL = "fail"
    THRESHOLD = "threshold"
    IGNORE = "ignore"


def check_policy(on_failed: str, max_failed: float) -> OnFailed:
    """Read the two arguments, or say what is wrong with them."""
    policy = one_of("on_failed", on_failed, OnFailed)
    count_or_share("max_failed", max_failed)
    return policy


def too_many(lost: int, total: int, policy: OnFailed, max_failed: float) -> bool:
    """Whether a task fails that lost so many of its documents."""
    if policy is not OnFailed.THRESHOLD:
        return policy is OnFailed.FAIL
    return lost > allowed_of(max_failed, total)
