"""Errors of listings, with the next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.sources.paths import filesystem_of, is_local, reason_of
from airflow_provider_xai_collections.sources.patterns import literal


def does_not_exist(text: str) -> XAISourceError:
    return XAISourceError(f"{text} does not exist. Check the path on the machine that this runs on")


@contextmanager
def naming_source(text: str, path: Any) -> Iterator[None]:
    """Name the source in the error if it cannot be listed."""
    if not is_local(path):
        filesystem_of(path)  # here, so that Airflow's own error of a connection is not translated
    try:
        yield
    except XAIError:
        raise
    except OSError as error:
        what = error.filename or text
        raise XAISourceError(f"{what} cannot be listed ({reason_of(error)})") from error
    except Exception as error:
        if is_local(path):
            raise
        # The libraries of storages raise errors of their own as well.
        raise XAISourceError(f"{text} cannot be listed ({reason_of(error)}). Check its connection") from error


@contextmanager
def naming_folder(folder: str, name: str) -> Iterator[None]:
    """Name a folder below the source in the error if it cannot be listed, and say how to leave it out by ``name``."""
    try:
        yield
    except XAIError:
        raise
    except Exception as error:
        if not name:
            raise
        raise XAISourceError(
            f"{folder} cannot be listed ({reason_of(error)}), and what is in it is not known. Make it readable, "
            f"or leave it out with {without_folder(name)}"
        ) from error


def without_folder(name: str) -> str:
    """Return the argument that leaves out a folder below the source."""
    return f"exclude={[literal(name) + '/']!r}"
