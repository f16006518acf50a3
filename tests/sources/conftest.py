"""Folders of all kinds: on disk, in a storage that has none, and in one that lists folder by folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sources.scanning import MAX_FILES, scan
from tests.object_storage import FakeS3, FakeStorage, attached

LIMIT = 50_000_000
TEXT = b"call me Ishmael"


def write(root: Path, *names: str, data: bytes = TEXT) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def listed(source: Any, *, limit_bytes: int = LIMIT, at_most: int = MAX_FILES, **choice: Any) -> list[SourceItem]:
    return scan(source, Choice(**choice), limit_bytes=limit_bytes, at_most=at_most)


def names(source: Any, **options: Any) -> list[str]:
    return [item.name for item in listed(source, **options)]


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    """The storage behind ``s3://``, with the connection ``aws``."""
    with attached(FakeS3(), "aws") as fs:
        yield fs


@pytest.fixture
def sftp() -> Iterator[FakeStorage]:
    """A storage that lists folder by folder, with the connection ``host``."""
    with attached(FakeStorage(), "host") as fs:
        yield fs


class Place:
    """A folder of one of the kinds."""

    def __init__(self, source: str, put: Callable[[str, bytes], Any]) -> None:
        self.source, self._put = source, put

    def write(self, *names: str, data: bytes = TEXT) -> None:
        for name in names:
            self._put(name, data)


@pytest.fixture(params=["local", "s3", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path, s3: FakeS3, sftp: FakeStorage) -> Place:
    """The tests that take this hold for folders of all kinds."""
    if request.param == "local":
        return Place(str(tmp_path), lambda name, data: write(tmp_path, name, data=data))
    if request.param == "s3":
        return Place("s3://aws@bucket/books", lambda name, data: s3.put(f"bucket/books/{name}", data))
    return Place("sftp://host@/books", lambda name, data: sftp.pipe_file(f"/books/{name}", data))
