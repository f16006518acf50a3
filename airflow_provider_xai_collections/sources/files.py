"""Files, folders and globs as a source: local, or in object storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources import scanning
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sources.paths import AnyPath


class Files:
    """Documents in files.

    :param paths: files, folders or globs.
    :param choice: which files of folders and globs are wanted.
    :param limit: the most bytes a document may have.
    :param check: called before each block that is read; an error ends the reading.
    """

    def __init__(
        self, paths: Sequence[AnyPath], choice: Choice, *, limit: int, check: Callable[[], None] = lambda: None
    ) -> None:
        self._paths = paths
        self._choice = choice
        self._limit = limit
        self._check = check
        self._owns = [scanning.owns(path) for path in paths]

    @property
    def roots(self) -> Sequence[str]:
        """The URIs of the paths."""
        return [scanning.root_uri(path) for path in self._paths]

    def list(self) -> Sequence[SourceItem]:
        """List all files that are wanted; refuse two of the same name."""
        found: dict[str, SourceItem] = {}
        for path in self._paths:
            for item in scanning.scan(path, self._choice, limit_bytes=self._limit):
                found.setdefault(item.uri, item)
        if len(self._paths) > 1:
            _refuse_same_names(found.values())
        return list(found.values())

    def open(self, item: SourceItem, content_hash: str) -> SourceDocument:
        """Return a file, ready to be uploaded; read for its hash unless that is given."""
        if content_hash:
            return scanning.document_of(item, content_hash, check=self._check)
        return scanning.read_item(item, limit=self._limit, check=self._check)

    def owns(self, uri: str) -> bool:
        """Tell whether the paths could name a file of this URI."""
        return any(owns(uri) for owns in self._owns)

    def warnings(self) -> Iterator[str]:
        """Name the patterns that matched nothing."""
        return self._choice.warnings(", ".join(self.roots))

    def refuse_output(self, argument: str, path: AnyPath) -> None:
        """Refuse a file that the task itself writes, if a later listing would take it for a document."""
        if any(scanning.would_list(source, path, self._choice) for source in self._paths):
            raise XAIArgumentError(
                f"{argument} is {path}, inside the source: the next run would take it for a document. Put it "
                "elsewhere, or leave it out with exclude"
            )

    def accept(self, items: Sequence[SourceItem]) -> None:
        """Get ready to open items that another process has listed; refuse those of other paths."""
        scanning.refuse_foreign(self._paths[0], items, self._choice)
        scanning.prepare(items)


def _refuse_same_names(items: Iterable[SourceItem]) -> None:
    by_name: dict[str, SourceItem] = {}
    for item in items:
        if (other := by_name.setdefault(item.name, item)) is not item:
            raise XAIArgumentError(
                f"{other.uri} and {item.uri} would both be called {item.name!r} in the collection. Pass the folder "
                "that holds both, so that each is named by its path below it, or ingest them apart"
            )
