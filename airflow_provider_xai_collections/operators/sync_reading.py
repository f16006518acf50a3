"""Reading documents of a source that may have changed, several at once, to know their content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_xai_collections.api.planning import SourceDocument
from airflow_provider_xai_collections.api.sync_plan import SourceEntry
from airflow_provider_xai_collections.exceptions import XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.hooks.progress import NowAndThen
from airflow_provider_xai_collections.sources.reading import ending_with


@dataclass(frozen=True, slots=True)
class Reading:
    """Results of reading documents, by URI.

    :param hashes: of their content.
    :param unread: why reading failed.
    :param unfit: why xAI would not index them, which only their bytes tell.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.hashes) + len(self.unread) + len(self.unfit)


def read_all(
    entries: Sequence[SourceEntry],
    read: Callable[[SourceEntry, Callable[[], None]], SourceDocument],
    *,
    concurrency: int,
    check: Callable[[], None],
    log: Any,
) -> Reading:
    """Read documents for their content hashes.

    :param read: reads one to its end, and calls what it is given again and again.
    :param check: raises what is to end the reading.
    """
    done = Reading()
    line = NowAndThen()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="xai-hash") as pool, ending_with(check) as check_both:

        def outcome_of(entry: SourceEntry) -> str | XAISourceError:
            try:
                return read(entry, check_both).content_hash
            except XAISourceError as error:
                return error

        try:
            for entry, outcome in zip(entries, pool.map(outcome_of, entries), strict=True):
                if isinstance(outcome, XAIUnfitDocumentError):
                    done.unfit[entry.uri] = str(outcome)
                elif isinstance(outcome, XAISourceError):
                    done.unread[entry.uri] = str(outcome)
                else:
                    done.hashes[entry.uri] = outcome
                if line.is_due():
                    log.info("%d of %d documents read", len(done), len(entries))
        except BaseException:
            # A task that is ended does not read the others first.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done
