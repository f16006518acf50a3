"""The options of a sync or an ingestion: frozen, and checked once."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_xai_collections.arguments import allowed_of, count_or_share, whole_number
from airflow_provider_xai_collections.exceptions import XAIArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """Options of a sync; an ingestion is one that replaces and prunes nothing. Times are in seconds.

    :param scope: the documents of the collection that belong to this sync.
    :param replace: remove the documents that hold another version of a source; otherwise they stay.
    :param prune: remove the documents that are missing from the source.
    :param max_prune: how many documents pruning may remove: a count, or a share of the scope; ``None`` for any number.
    :param update_fields: other fields make another version of a document.
    :param verify_content: read every document, and compare with the service's own hash of what it holds.
    :param retry_failed: upload again what the service has said it will never index.
    :param delete_files: delete the files of removed documents as well.
    :param concurrency: how many documents are worked on at once.
    :param wait: wait until the documents are processed.
    :param overlap: how long an old version stays once the new one is processed.
    :param timeout: how long to wait for indexing, from when the last document is in the collection.
    :param poll_interval: the pause between two polls; shorter at first.
    :param max_failed: how many documents may fail: a count, or a share of the documents; ``None`` for any number.
    :raises XAIArgumentError: a value is out of range, or two do not go together.
    """

    scope: str
    replace: bool = True
    prune: bool = False
    max_prune: float | None = 0.25
    update_fields: bool = False
    verify_content: bool = False
    retry_failed: bool = False
    delete_files: bool = True
    concurrency: int = 8
    wait: bool = True
    overlap: float = 30.0
    timeout: float = 3600.0
    poll_interval: float = 15.0
    max_failed: float | None = 0

    def __post_init__(self) -> None:
        whole_number("concurrency", self.concurrency, at_least=1)
        for name in ("max_prune", "max_failed"):
            if getattr(self, name) is not None:
                count_or_share(name, getattr(self, name))
        if self.prune and not self.replace:
            raise XAIArgumentError("an ingestion removes nothing: prune belongs to a sync")

    def tolerates(self, failed: int, total: int) -> bool:
        """Tell whether so many of the documents may fail."""
        return not failed or self.max_failed is None or failed <= allowed_of(self.max_failed, total)
