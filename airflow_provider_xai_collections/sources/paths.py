"""Paths on this machine, and into object storage through a connection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast
from urllib.parse import quote, quote_from_bytes, unquote

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAISourceError

#: A local path, a URL such as ``s3://bucket/folder``, or anything that behaves like ``pathlib.Path``.
AnyPath: TypeAlias = str | os.PathLike[str] | Any
#: Bytes that an object is read ahead. The defaults of storages go up to 50 MB, for each file that is open.
READ_AHEAD = 4_000_000


def as_path(path: Any) -> Any:
    """Return a local path made absolute, or a path into object storage as it is."""
    if isinstance(path, str) and not path.strip():
        raise XAIArgumentError("a path is empty, and would stand for the folder the worker happens to run in")
    if isinstance(path, str) and "://" in path:
        path = _object_storage_path(path)
    protocol = getattr(path, "protocol", None)
    if protocol is None and not isinstance(path, str | os.PathLike):
        raise XAIArgumentError(f"{path!r} is no path: pass text or a path object")
    return Path(path).absolute() if protocol is None else Path(path.path) if protocol in ("file", "local") else path


def is_local(path: Any) -> bool:
    """Tell whether :func:`as_path` has made a local path. Some releases of ``ObjectStoragePath`` are a ``Path`` too."""
    return not hasattr(path, "protocol")


def uri_of(path: Any) -> str:
    """Return the URI of what :func:`as_path` returned: the same whatever connection leads there."""
    return local_uri(str(path)) if is_local(path) else f"{path.protocol}://{path.path}"


def local_uri(path: str) -> str:
    """Return the URI of an absolute path. (That of ``Path.as_uri`` depends on the release of Python.)"""
    folder, slash, name = path.rpartition("/")
    return f"file://{_quoted_folder(folder)}{slash}{quote_from_bytes(os.fsencode(name))}"


@lru_cache(maxsize=16)
def _quoted_folder(folder: str) -> str:
    """Quote a folder; cached, as the files of a folder come one after the other."""
    return quote_from_bytes(os.fsencode(folder))


def filesystem_of(path: Any) -> Any:
    """Return the file system of an object storage. The first call for a connection belongs on the main thread."""
    try:
        return path.fs
    except (ValueError, ImportError) as error:
        raise _unknown(path.protocol, error) from error


def _unknown(protocol: str, error: Exception) -> XAIArgumentError:
    return XAIArgumentError(
        f"Airflow cannot open {protocol}:// ({error}). Install the provider of that storage on every worker, for s3:// "
        "as an example apache-airflow-providers-amazon[s3fs]"
    )


def reason_of(error: Exception) -> str:
    """Return the reason of an error in a few words."""
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__


@contextmanager
def naming(name: Any, path: Any, verb: str, way_out: str = "") -> Iterator[None]:
    """Say in the error what cannot be read, or the like. Libraries of storages raise errors of their own as well."""
    if not is_local(path):
        filesystem_of(path)  # here, so that Airflow's own error of a connection is not translated
    try:
        yield
    except XAIError:
        raise
    except Exception as error:
        if is_local(path) and not isinstance(error, OSError):
            raise
        raise XAISourceError(f"{name} cannot be {verb} ({reason_of(error)}){way_out}") from error


def connection_of(path: Any) -> str | None:
    """Return the id of the connection that a path into object storage goes through."""
    conn_id = getattr(path, "conn_id", None) or getattr(path, "storage_options", {}).get("conn_id")
    return cast("str | None", conn_id)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object by the very name its storage has for it.

    A path would take the name for a URL and change some: ``a//b``, or one with a space at its beginning.
    """

    fs: Any
    protocol: str
    path: str

    def open(self, mode: str) -> BinaryIO:
        return cast("BinaryIO", self.fs.open(self.path, mode, block_size=READ_AHEAD))


def address_of(protocol: str, conn_id: str | None, name: str) -> str:
    """Return the address of an object, for :func:`at_address` in any process: a URL with the id of its connection."""
    needs_mark = conn_id or "@" in name.partition("/")[0]
    return f"{protocol}://{quote(conn_id or '', safe='')}{'@' if needs_mark else ''}{name}"


def parts_of(address: str) -> tuple[str, str | None, str]:
    """Take an address apart; a local path, which is its own address, is only the last part."""
    protocol, is_url, rest = address.partition("://")
    if address.startswith("/") or not is_url:
        return "", None, address
    first, slash, below = rest.partition("/")
    conn_id, mark, container = first.partition("@")
    if not mark:
        conn_id, container = "", first
    return protocol, unquote(conn_id) or None, f"{container}{slash}{below}"


def at_address(address: str) -> Any:
    """Return the file at a local path, or the object at what :func:`address_of` returned."""
    protocol, conn_id, name = parts_of(address)
    if not protocol:
        return Path(name)
    return StoredFile(filesystem_of(_object_storage_path(f"{protocol}://any", conn_id=conn_id)), protocol, name)


def store_of(address: str) -> str:
    """Return the part of an address that names storage and connection: equal for all that share them."""
    protocol, is_url, rest = address.partition("://")
    if address.startswith("/") or not is_url:
        return ""
    conn_id, mark, _ = rest.partition("/")[0].partition("@")
    return f"{protocol}://{conn_id if mark else ''}"


def _object_storage_path(url: str, **options: Any) -> Any:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        return ObjectStoragePath(url, **options)
    except (ValueError, ImportError) as error:
        raise _unknown(url.partition("://")[0], error) from error
