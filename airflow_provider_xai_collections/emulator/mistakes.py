"""What pydantic found wrong, in one line."""

from __future__ import annotations

from pydantic import ValidationError


def explain(error: ValidationError) -> str:
    """Each mistake with its place, without the value (it may be huge)."""
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    named = ((".".join(map(str, mistake["loc"])), mistake["msg"].removeprefix("Value error, ")) for mistake in mistakes)
    return "; ".join(f"{where}: {what}" if where else what for where, what in named)
