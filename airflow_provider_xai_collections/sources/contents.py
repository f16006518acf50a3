"""Values of a function as a source: names with text or bytes, and paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from urllib.parse import quote

from blake3 import blake3

from airflow_provider_xai_collections.api.content_types import HEAD, content_type_of, type_to_send
from airflow_provider_xai_collections.api.files import check_filename
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError
from airflow_provider_xai_collections.sources.content import Content
from airflow_provider_xai_collections.sources.items import Source, SourceItem
from airflow_provider_xai_collections.sources.reading import unfit_size


class Contents:
    """Documents that a task has made itself, beside those of another source.

    :param base_uri: the beginning of the URIs of contents that have none.
    :param limit: the most bytes a document may have.
    :raises XAIArgumentError: one is no document at all, or two have the same name or URI.
    """

    def __init__(self, contents: Sequence[Content], *, base_uri: str, limit: int, others: Source | None = None) -> None:
        for content in contents:
            _check(content)
        self._others = others
        self._limit = limit
        # A document with a URI is a root of its own; the others are the task's.
        roots = dict.fromkeys(content.uri or base_uri for content in contents)
        self.roots = [*roots, *(others.roots if others else [])]
        self._contents = {_uri_of(content, base_uri): content for content in contents}
        if len(self._contents) < len(contents):
            raise XAIArgumentError("two contents have the same URI. Give each a name and a URI of its own")

    def list(self) -> Sequence[SourceItem]:
        """List all documents; what is wrong with one is in its item."""
        items = [self._item(uri, content) for uri, content in self._contents.items()]
        items += self._others.list() if self._others else []
        seen: dict[str, SourceItem] = {}
        for item in items:
            if (other := seen.setdefault(item.name, item)) is not item:
                raise XAIArgumentError(
                    f"{other.uri} and {item.uri} would both be called {item.name!r} in the collection. Give each a "
                    "name of its own, or ingest them apart"
                )
        return items

    def open(self, item: SourceItem, content_hash: str) -> SourceDocument:
        """Return a document, ready to be uploaded."""
        if (content := self._contents.get(item.uri)) is None:
            if self._others is None:
                raise XAISourceError(f"{item.name} is not in memory any more: run it again")
            return self._others.open(item, content_hash)
        data = _bytes_of(content)
        return SourceDocument(
            uri=item.uri,
            name=item.name,
            size=item.size,
            content_hash=item.content_hash,
            content_type=content_type_of(item.name),
            open=partial(BytesIO, data),
            sent_type=partial(type_to_send, item.name, data[:HEAD]),
            fields=content.fields,
        )

    def owns(self, uri: str) -> bool:
        """Return ``True``: all documents of the scope are the task's."""
        return True

    def warnings(self) -> Iterator[str]:
        """Return the warnings of the other source."""
        return iter(self._others.warnings() if self._others else ())

    def _item(self, uri: str, content: Content) -> SourceItem:
        name = str(content.name)
        if wrong := _wrong(content):
            return SourceItem(uri, name, 0, "", unfit=wrong)
        data = _bytes_of(content)
        unfit = unfit_size(len(data), self._limit)
        digest = blake3(data).hexdigest()
        return SourceItem(uri, name, len(data), None, unfit=unfit and f"it {unfit}", content_hash=digest)


class Remembered:
    """Documents that an earlier process has listed and uploaded, and whose content is not in memory any more."""

    def __init__(self, items: Sequence[SourceItem], roots: Sequence[str]) -> None:
        self._items = items
        self.roots = roots

    def list(self) -> Sequence[SourceItem]:
        """Return what was listed."""
        return self._items

    def open(self, item: SourceItem, content_hash: str) -> SourceDocument:
        """Refuse: they were uploaded by the process that had them."""
        raise XAISourceError(f"{item.name} is not in memory any more: run it again")

    def owns(self, uri: str) -> bool:
        """Return ``True``: all documents of the scope are the task's."""
        return True

    def warnings(self) -> Sequence[str]:
        """Return nothing: the earlier process has logged them."""
        return ()


def _uri_of(content: Content, base_uri: str) -> str:
    return content.uri or f"{base_uri}/{quote(str(content.name))}"


def _bytes_of(content: Content) -> bytes:
    return content.data.encode() if isinstance(content.data, str) else content.data


def _check(content: Content) -> None:
    """Refuse what is a mistake of whoever made it, and no document."""
    if not (isinstance(content.name, str) and isinstance(content.data, str | bytes)):
        raise XAIArgumentError(f"{content.name!r}: a Content needs a name and its data as text or bytes")
    if not isinstance(content.fields, Mapping):
        raise XAIArgumentError(f"{content.name}: fields must be strings by string")


def _wrong(content: Content) -> str:
    try:
        check_filename(content.name)
    except ValueError as error:
        return str(error)
    return ""
