"""REFERENCE.md: every parameter of every class that users meet, from signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from airflow_provider_xai_collections.decorators.ingest import XAIIngestDecoratedOperator, xai_ingest_task
from airflow_provider_xai_collections.durations import in_words
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from scripts.docstrings import first_sentence, meanings, prose
from scripts.provided import arguments, classes, ours

BEGINNING = """# Reference

Every operator, sensor, decorator and trigger with its parameters, and the methods of the hook. Made by `make tables`
from signatures and docstrings. All parameters are keywords; Airflow's own (`task_id`, `retries`, `outlets`, …) come on
top. *T*: templated. Durations are a `timedelta` or seconds.
"""
ROOMS = {"Operators": "operators", "Sensors": "sensors", "Triggers": "triggers"}
#: The default of this one is whatever Airflow is configured to.
_CONFIGURED = {"deferrable": "`[operators] default_deferrable`"}
_TYPES = {"Duration": "timedelta | float", "AnyPath": "str | PathLike | ObjectStoragePath"}


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown. A bar in a cell does not end it."""
    cells = [list(header), *([each.replace("|", r"\|") for each in row] for row in rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def render() -> str:
    """The whole page."""
    parts = [BEGINNING]
    for title, room in ROOMS.items():
        parts += [f"## {title}\n", *(_section(kind.__name__, kind, kind) for kind in classes(room))]
    parts += ["## Decorator\n", _section("@task.xai_ingest", XAIIngestDecoratedOperator, xai_ingest_task)]
    parts += ["## What they share\n", *(f"### {one.__name__}\n\n{prose(one)}\n" for one in _shared())]
    parts += ["## Hook\n", _hook()]
    return "\n".join(parts)


def _section(title: str, kind: type[Any], documented: Any) -> str:
    place = (
        f"`{documented.__module__}`" if title == kind.__name__ else f"`{documented.__module__}.{documented.__name__}`"
    )
    header = ("Parameter", "Type", "Default", "T", "Meaning")
    return f"### {title}\n\n`{place}`\n\n{prose(documented)}\n\n{table(header, _rows(kind))}\n"


def _rows(kind: type[Any]) -> Iterator[tuple[str, ...]]:
    said = meanings(kind)
    templated = getattr(kind, "template_fields", ())
    for _, parameter in arguments(kind):
        name = parameter.name
        yield (
            f"`{name}`",
            f"`{_type(parameter)}`",
            _CONFIGURED.get(name) or _default(parameter.default),
            "yes" if name in templated else "",
            said[name],
        )


def _type(parameter: inspect.Parameter) -> str:
    text = str(parameter.annotation)
    for alias, meaning in _TYPES.items():
        text = text.replace(alias, meaning)
    return text


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if isinstance(value, timedelta):
        return in_words(value.total_seconds())
    return f'`"{value}"`' if isinstance(value, str) else f"`{value!r}`"


def _shared() -> list[type[Any]]:
    """The classes that the others are made of and refer to."""
    kinds = [kind for room in (*ROOMS.values(), "task-decorators") for kind in classes(room)]
    return list(
        dict.fromkeys(
            one for kind in kinds for one in ours(kind) if one not in kinds and ":param" in (one.__doc__ or "")
        )
    )


def _hook() -> str:
    methods = (
        (name, method)
        for one in reversed(ours(XAICollectionsHook))
        for name, method in vars(one).items()
        if inspect.isfunction(method) and not name.startswith("_") and method.__doc__
    )
    rows = [(f"`{name}{_parameters(method)}`", first_sentence(method)) for name, method in methods]
    place = f"`{XAICollectionsHook.__module__}`"
    return f"### XAICollectionsHook\n\n{place}\n\n{prose(XAICollectionsHook)}\n\n{table(('Method', 'Does'), rows)}\n"


def _parameters(method: Any) -> str:
    names = [name for name in inspect.signature(method).parameters if name != "self"]
    return f"({', '.join(names)})"
