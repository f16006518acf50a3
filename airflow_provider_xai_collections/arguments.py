"""Arguments as templates leave them: a list that was rendered arrives as its text."""

from __future__ import annotations

import ast
from typing import Any

from airflow_provider_xai_collections.exceptions import XAIArgumentError


def ids_of(name: str, value: Any) -> list[str]:
    """File ids from a list, from the text of a list, or from a single id; each once, in order.

    :raises XAIArgumentError: it is something else, naming the argument.
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            value = ast.literal_eval(text) if text.startswith(("[", "(")) else [text]
        except (SyntaxError, ValueError):
            value = None
    if not isinstance(value, list | tuple | set | frozenset) or not all(
        isinstance(each, str) and each for each in value
    ):
        raise XAIArgumentError(f"{name} must be a list of file ids (file_…). Pass an XComArg or a list of strings")
    return list(dict.fromkeys(value))
