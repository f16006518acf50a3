"""Sources of documents in little room: their URIs, or the folders they are in; and OpenLineage's names for both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import unquote

from airflow_provider_xai_collections.manifests.base import ROOM_FOR_SOURCES
from airflow_provider_xai_collections.text import printable

#: Other names of a store, by its own.
_ALSO = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
#: Parts of an address that may be secret: a password; on the web a user's name as well, which may be a token, and a
#: signature behind the path. (Elsewhere the name is an address: ``abfs://container@account``.)
_USER = re.compile(r"^(https?://)[^/?#]*@|(?<=://)[^/@]*:[^/]*@")
_SIGNATURE = re.compile(r"^(https?://[^?#]*)[?#].*")


def places_of(uris: Iterable[str], room: int = ROOM_FOR_SOURCES) -> tuple[str, ...]:
    """Return the URIs, or the folders they are in, as deep as fits into ``room`` bytes of JSON; the last may be cut."""
    places = sorted({_shown(uri) for uri in uris})
    while _size(places) > room and (deepest := max(map(_depth, places))):
        places = sorted({_folder(place) if _depth(place) == deepest else place for place in places})
    while _size(places) > room:
        places.pop()
    return tuple(places)


def dataset_name(uri: str) -> tuple[str, str] | None:
    """Return namespace and name of a dataset, by OpenLineage's conventions; ``None`` for what is no URI.

    ``s3://bucket/folder/a.md`` is ``folder/a.md`` in ``s3://bucket``, ``file:///data/a.md`` is ``/data/a.md`` in
    ``file``. Source: https://openlineage.io/docs/spec/naming.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return None
    authority, _, path = rest.partition("/")
    if scheme == "file":
        return f"file://{authority}" if authority else "file", "/" + unquote(path)
    return f"{_ALSO.get(scheme, scheme)}://{authority}", path or "/"


def _shown(uri: str) -> str:
    """Return a URI as one line, without what may be secret."""
    line = printable(uri, limit=max(1, len(uri)))
    return _SIGNATURE.sub(r"\1", _USER.sub(r"\1", line))


def _depth(place: str) -> int:
    """Return the number of folders in a URI: none for a bucket, or for what is no URI."""
    _, separator, rest = place.partition("://")
    return rest.rstrip("/").count("/") if separator else 0


def _folder(place: str) -> str:
    return place.rstrip("/").rpartition("/")[0]


def _size(places: Iterable[str]) -> int:
    return sum(len(json.dumps(place)) + len(", ") for place in places)
