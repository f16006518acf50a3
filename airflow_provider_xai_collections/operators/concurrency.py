"""Work on many documents side by side: what the operators that add and those that remove share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from airflow_provider_xai_collections.airflow_errors import FINAL
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.api.retries import concerns_every_call
from airflow_provider_xai_collections.exceptions import XAIError, XAIRateLimitError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.progress import ProgressMeter
from airflow_provider_xai_collections.manifests.progress import Stage
from airflow_provider_xai_collections.text import NAMED

T = TypeVar("T")


def run_concurrently(
    hook: XAICollectionsHook,
    names: Sequence[str],
    flows: Iterable[Flow[T]],
    *,
    concurrency: int,
    what: str,
    progress: ProgressMeter,
    stage: Stage,
    of: str = "documents",
) -> list[T]:
    """Run one flow per document, ``concurrency`` at a time; their values, in order.

    One document's failure does not stop the others, but a refused key does, and so does a team without credits.

    :param what: what has become of a document when its flow is over, for messages.
    :param progress: is told that ``stage`` begins, and how far it is.
    :param of: the plural of what it works on.
    :raises XAIError: naming the documents that failed; of the failures' own class if a retry cannot fix any, else of a
        rate limit's if there was one.
    """
    values: dict[int, T] = {}
    failures: dict[int, XAIError] = {}
    refused: list[XAIError] = []

    def until_refused() -> Iterator[Flow[T]]:
        # Those that run come to their end: stopped between upload and attach, they would leave files behind.
        for flow in flows:
            if refused:
                return
            yield flow

    progress.enter(stage, len(names), noun=of.removesuffix("s"))
    for position, outcome in hook.run_many(until_refused(), concurrency=concurrency):
        if isinstance(outcome, XAIError):
            if concerns_every_call(outcome):
                refused.append(outcome)
            else:
                failures[position] = outcome
        else:
            values[position] = outcome
        progress.step(failed=isinstance(outcome, XAIError))
    if refused:
        raise refused[0]
    if failures:
        raise _together(names, failures, what, of)
    return [values[position] for position in sorted(values)]


def _together(names: Sequence[str], failures: Mapping[int, XAIError], what: str, of: str) -> XAIError:
    listed = "; ".join(f"{names[position]}: {failures[position]}" for position in sorted(failures)[:NAMED])
    more = f"; and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
    final = all(isinstance(error, FINAL) for error in failures.values())
    limited = any(isinstance(error, XAIRateLimitError) for error in failures.values())
    hint = "" if final else f". The others are {what}, and a retry does what is left"
    kind = type(next(iter(failures.values()))) if final else XAIRateLimitError if limited else XAIError
    return kind(f"{len(failures)} of {len(names)} {of} failed: {listed}{more}{hint}")
