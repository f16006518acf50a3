"""Numbers that are chosen in an address or a form: whatever is typed there, they stay within limits."""

from __future__ import annotations

from airflow_provider_xai_collections.plugin.views import FormValues


def number_of(choice: FormValues, name: str, default: int, *, at_least: int = 1, at_most: int) -> int:
    """Return the number in a field; the default if there is none."""
    text = choice.get(name)
    return min(max(at_least, int(text)), at_most) if text.isdecimal() else default
