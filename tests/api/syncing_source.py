"""A source that changes, for syncs that run in a world of their own."""

from __future__ import annotations

import io
from functools import partial
from typing import BinaryIO

from blake3 import blake3

from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.api.sync_plan import SourceEntry
from airflow_provider_xai_collections.exceptions import XAISourceError

ROOT = "file:///docs/"


class Source:
    """A folder. What is read is what was listed, or an error, as with real files."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, str]] = {}
        self._edition = 0

    def write(self, name: str, *, slyly: bool = False) -> None:
        """New content, unlike any before; ``slyly``: with the fingerprint that the file had."""
        self._edition += 1
        content = f"{name} {self._edition:06}".encode()
        fingerprint = f"{len(content)}-mtime:{self._edition}"
        if slyly and name in self._files:
            fingerprint = self._files[name][1]
        self._files[name] = (content, fingerprint)

    def touch(self, name: str) -> None:
        """A new fingerprint for the same content."""
        self._edition += 1
        content = self._files[name][0]
        self._files[name] = (content, f"{len(content)}-mtime:{self._edition}")

    def remove(self, name: str) -> None:
        self._files.pop(name, None)

    def content(self, name: str) -> bytes:
        return self._files[name][0]

    @property
    def names(self) -> list[str]:
        return sorted(self._files)

    @property
    def hashes(self) -> dict[str, str]:
        """What a collection should hold, by URI."""
        return {ROOT + name: blake3(content).hexdigest() for name, (content, _) in self._files.items()}

    def scan(self) -> list[SourceEntry]:
        return [
            SourceEntry(ROOT + name, name, len(content), fingerprint, ROOT + name)
            for name, (content, fingerprint) in sorted(self._files.items())
        ]

    def read(self, entry: SourceEntry, content_hash: str | None) -> SourceDocument:
        content = self._open(entry).read() if content_hash is None else b""
        return SourceDocument(
            uri=entry.uri,
            name=entry.name,
            size=entry.size,
            content_hash=content_hash or blake3(content).hexdigest(),
            content_type="text/plain",
            open=partial(self._open, entry),
            sent_type=lambda: "text/plain",
            fingerprint=entry.fingerprint,
        )

    def _open(self, entry: SourceEntry) -> BinaryIO:
        content, fingerprint = self._files.get(entry.name, (b"", ""))
        if fingerprint != entry.fingerprint:
            raise XAISourceError(f"{entry.name} has changed")
        return io.BytesIO(content)
