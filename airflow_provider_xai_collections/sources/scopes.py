"""The scope of a sync: which documents of a collection are its own."""

from __future__ import annotations

from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.paths import AnyPath
from airflow_provider_xai_collections.sources.scanning import root_uri


def scope_of(scope: str | None, source: AnyPath, *, prune: bool, narrowed: str) -> str:
    """Return the scope of a sync: the one that it names, or its source.

    :param narrowed: the patterns that choose files of the source, in the words of a message, if there are any.
    :raises XAIArgumentError: it would prune what the patterns leave out.
    """
    if scope is not None:
        return scope
    root = root_uri(source)
    if prune and narrowed:
        raise XAIArgumentError(
            f"prune with {narrowed} needs a scope of its own: a sync of this source that chooses otherwise would "
            "remove its documents, and the other way round, for ever. Pass a scope; to go on with what a sync of "
            f"this source has uploaded without one, {root!r}"
        )
    return root
