"""Work cut into pieces for ``.expand()``, which takes only so many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_xai_collections.arguments import whole_number
from airflow_provider_xai_collections.exceptions import XAIArgumentError

T = TypeVar("T")


def batches(items: Iterable[T], *, size: int = 1, at_most: int | None = None) -> list[list[T]]:
    """Cut items into batches, in order, for ``.expand(paths=...)`` or ``.expand(file_ids=...)``.

    A batch has ``size`` items, or more where that would make too many batches; the last one may have fewer. No items
    make no batch, and a task that is mapped over none is skipped.

    :param items: paths or ids, such as a task returns them.
    :param size: items in a batch, at least 1.
    :param at_most: batches; by default what Airflow maps over: ``[core] max_map_length``, 1024 unless it is set.
    :raises XAIArgumentError: an argument makes no sense, naming it.
    """
    if isinstance(items, str | bytes | Mapping):
        raise XAIArgumentError(f"items is a {type(items).__name__}; it must be a list. Put a single one into brackets")
    limit = conf.getint("core", "max_map_length", fallback=1024) if at_most is None else at_most
    everything = list(items)
    fewest = -(-len(everything) // whole_number("at_most", limit, at_least=1))
    step = max(whole_number("size", size, at_least=1), fewest)
    return [everything[start : start + step] for start in range(0, len(everything), step)]
