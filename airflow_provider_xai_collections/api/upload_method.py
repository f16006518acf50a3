"""The calls by which documents get into a collection: one, or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count


class UploadMethod(StrEnum):
    """The calls by which a document is uploaded.

    ``DIRECT``: one multipart call that carries a content type, up to 100 MB; described in xAI's guides, not in its
    reference. By it, text comes out of PDF and Office documents. ``FILES``: ``POST /v1/files``, then attach; the way of
    the reference, up to 50 MB. By it, PDF and Office documents have been seen to be indexed as raw bytes, or to fail.
    ``AUTO``: the one call; where the service cannot take it, the two calls from then on.
    """

    AUTO = "auto"
    DIRECT = "direct"
    FILES = "files"

    @property
    def limit(self) -> int:
        """The most bytes that a document may have."""
        # Here, because operators import this module while a DAG file is parsed, which has no use for models.
        from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES

        return MAX_UPLOAD_BYTES if self is UploadMethod.FILES else MAX_DOCUMENT_BYTES


@dataclass(slots=True)
class UploadWay:
    """The calls that all documents of a run use, which may change once.

    :param method: as asked for.
    :param on_change: told when the run changes to two calls, and why.
    :ivar reason: why the run has changed to two calls; empty if it has not.
    """

    method: UploadMethod = UploadMethod.AUTO
    on_change: Callable[[str], None] = lambda message: None
    reason: str = field(init=False, default="")
    _turns: Iterator[int] = field(init=False, default_factory=count)

    @property
    def is_direct(self) -> bool:
        """Tell whether the next document goes by the one call."""
        return self.method is not UploadMethod.FILES and not self.reason

    def change(self, reason: str) -> None:
        """Go on in two calls. Documents in other threads may meet the same; only the first one is told."""
        self.reason = self.reason or reason
        if next(self._turns) == 0:
            self.on_change(f"Documents go in two calls from now on, POST /v1/files and attach, because {reason}")
