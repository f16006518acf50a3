"""Values inside filter expressions."""

from __future__ import annotations


def quoted(value: str) -> str:
    """``value`` as a filter string: ``"`` and ``\\`` escaped. Source: REST reference, ``filter``."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
