"""Reading documents of a source that may have changed, several at once, to know their content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_provider_xai_collections.api.planning import SourceDocument
from airflow_provider_xai_collections.api.sync_plan import SourceEntry
from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.hooks.progress import NowAndThen


def content_hashes(
    entries: Sequence[SourceEntry], read: Callable[[SourceEntry], SourceDocument], *, concurrency: int, log: Any
) -> tuple[dict[str, str], dict[str, str]]:
    """The content hashes by URI, and why reading failed.

    :param read: reads one to its end.
    """

    def outcome_of(entry: SourceEntry) -> str | XAISourceError:
        try:
            return read(entry).content_hash
        except XAISourceError as error:
            return error

    hashes: dict[str, str] = {}
    unread: dict[str, str] = {}
    line = NowAndThen()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="xai-hash") as pool:
        try:
            for entry, outcome in zip(entries, pool.map(outcome_of, entries), strict=True):
                if isinstance(outcome, XAISourceError):
                    unread[entry.uri] = str(outcome)
                else:
                    hashes[entry.uri] = outcome
                if line.is_due():
                    log.info("%d of %d documents read", len(hashes) + len(unread), len(entries))
        except BaseException:
            # A task that is ended does not read the others first.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return hashes, unread
