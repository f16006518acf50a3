"""Options of a select: values, and the words that people read."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_xai_collections.plugin.views import FailedPage
from airflow_provider_xai_collections.plugin.wording import number


def alike(values: Iterable[str], chosen: str = "") -> list[tuple[str, str]]:
    """Return options that read as their values; what is chosen is among them."""
    return [(value, value) for value in dict.fromkeys((*values, chosen)) if value]


def collections_with_failed(page: FailedPage) -> list[tuple[str, str]]:
    """Return the collections by name, as far as one is known here, each with how many failed documents it has.

    The chosen one is among them, even if none of its documents is known to have failed.
    """
    shown = [each.collection for group in page.groups or () for each in group.documents]
    names = {each.collection_id: each.name for each in shown if each.name}
    chosen = alike((), page.choice.get("c") if page.choice.get("c") not in page.collections else "")
    return chosen + [(key, f"{names.get(key, key)[:80]} ({number(count)})") for key, count in page.collections.items()]
