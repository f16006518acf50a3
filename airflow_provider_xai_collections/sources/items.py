"""The protocol of all sources, and the documents that they list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from airflow_provider_xai_collections.api.identity import SourceDocument


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A document outside the collection: listed, not read.

    :param uri: where it is, the same from every machine; with the scope its identity.
    :param name: its path below the source's root: the file name xAI shows.
    :param size: bytes; 0 if the listing does not tell.
    :param fingerprint: size, and ETag or time of change. ``None`` if the listing tells neither: then the content is
        always read, and documents below it may exist although they are not listed.
    :param path: how it is opened, in another process as well: a local path, or a URL with the id of its connection.
    :param unfit: why xAI would not take it; empty if it would.
    :param content_hash: BLAKE3 of the content, where that is known without reading.
    """

    uri: str
    name: str
    size: int
    fingerprint: str | None
    path: str = ""
    unfit: str = ""
    content_hash: str = ""

    def dump(self) -> dict[str, Any]:
        """Return it as JSON types, from which ``SourceItem(**data)`` makes it again."""
        return asdict(self)


class Source(Protocol):
    """Documents outside a collection."""

    @property
    def roots(self) -> Sequence[str]:
        """The URIs of all that was named."""
        ...

    def list(self) -> Sequence[SourceItem]:
        """List all documents; on the main thread, for it may look a connection up.

        :raises XAISourceError: not all of them can be listed.
        """
        ...

    def open(self, item: SourceItem, content_hash: str) -> SourceDocument:
        """Return one document, ready to be uploaded; from any thread.

        :param content_hash: of its content; empty if it has to be read for it.
        :raises XAISourceError: it cannot be read, or is not as it was listed.
        """
        ...

    def owns(self, uri: str) -> bool:
        """Tell whether a document of this URI would be of this source, missing or not."""
        ...

    def warnings(self) -> Iterable[str]:
        """Return warnings about the last listing, such as a pattern that matched nothing."""
        ...
