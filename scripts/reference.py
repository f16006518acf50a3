"""docs/reference.md: every parameter of everything that users call, from signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from airflow_provider_xai_collections.api.filters import ListFilter, SearchFilter
from airflow_provider_xai_collections.decorators.ingest import XAIIngestDecoratedOperator, xai_ingest_task
from airflow_provider_xai_collections.durations import in_words
from airflow_provider_xai_collections.emulator import Emulator, FaultRule, Settings, pytest_plugin, running
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import xai_sync_group
from scripts.docstrings import first_sentence, meanings, prose
from scripts.provided import FUNCTIONS, VALUES, arguments, classes, listed, ours

BEGINNING = """# Reference

Everything that you call, with its parameters, made by `make tables` from signatures and docstrings. The parameters of
operators, sensors, triggers and the decorator are keywords; Airflow's own (`task_id`, `retries`, `outlets`, …) come on
top. *T* means templated. Durations are a `timedelta` or seconds. `make docs` shows it as a page with a search.
"""
#: The tasks inside the group.
INNER = ("XAIPlanSyncOperator", "XAIApplySyncOperator", "XAIFinishSyncOperator")
#: Parameters that every class of Python takes.
_SELF = ("self", "cls", "args", "kwargs")
#: The default of this one is whatever Airflow is configured to.
_CONFIGURED = {"deferrable": "`[operators] default_deferrable`"}
_TYPES = {
    "Duration": "timedelta | float",
    "AnyPath": "str | PathLike | ObjectStoragePath",
    "UploadMethod.AUTO": "'auto'",
}


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown. A bar in a cell does not end it."""
    cells = [list(header), *([each.replace("|", r"\|") for each in row] for row in rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def render() -> str:
    """Return the whole page."""
    parts = [BEGINNING]
    parts += ["## Operators\n", *(_class(kind) for kind in classes("operators") if kind.__name__ not in INNER)]
    parts += ["## A sync over all workers\n", _group()]
    parts += ["## Decorator\n", _decorator()]
    parts += ["## Sensor\n", *map(_class, classes("sensors"))]
    parts += ["## Trigger\n", *map(_class, classes("triggers"))]
    parts += ["## Functions\n", *map(_function, listed(FUNCTIONS))]
    parts += ["## Values\n", *map(_value, listed(VALUES))]
    parts += ["## Hook\n", _hook()]
    parts += ["## Emulator\n", *_emulator()]
    return "\n".join(parts)


def _class(kind: type[Any]) -> str:
    return _section(kind.__name__, f"`{kind.__module__}`", prose(kind), _parameters_of_class(kind))


def _decorator() -> str:
    place = f"`{xai_ingest_task.__module__}.{xai_ingest_task.__name__}`"
    rows = _parameters_of_class(XAIIngestDecoratedOperator, meanings(XAIIngestDocumentsOperator))
    return _section("@task.xai_ingest", place, prose(xai_ingest_task), rows)


def _group() -> str:
    """Return the section of the group: what it has beside the arguments of the sync, and its tasks, folded."""
    said = meanings(xai_sync_group)
    parameters = (each for each in inspect.signature(xai_sync_group).parameters.values() if each.name in said)
    rows = _rows(parameters, said, {*XAISyncCollectionOperator.template_fields, "workspace"})
    inner = [kind for kind in classes("operators") if kind.__name__ in INNER]
    return (
        _section(xai_sync_group.__name__, f"`{xai_sync_group.__module__}`", prose(xai_sync_group), rows)
        + '\n<details markdown="1">\n<summary>The three tasks that it makes</summary>\n\n'
        + "\n".join(map(_inner, inner))
        + "\n</details>\n"
    )


def _inner(kind: type[Any]) -> str:
    """Return the section of a task in the group: what it has beside the arguments of the sync."""
    theirs = {parameter.name for _, parameter in arguments(XAISyncCollectionOperator)}
    rows = [row for row in _parameters_of_class(kind) if row[0].strip("`") not in theirs]
    return f"**{kind.__name__}**: {prose(kind)}\n\n{table(_PARAMETERS, rows)}\n"


def _function(function: Any) -> str:
    rows = _arguments_of(function)
    return _section(function.__name__, f"`{function.__module__}`", prose(function), rows, _ARGUMENTS)


def _value(kind: Any) -> str:
    place = f"`{kind.__module__}`"
    if kind in (SearchFilter, ListFilter):  # text, which a method makes
        method = (f"`{kind.__name__}.where{_names(kind.where)}`", first_sentence(kind.where))
        return _section(kind.__name__, place, prose(kind), [method], _METHODS)
    return _section(kind.__name__, place, prose(kind), _arguments_of(kind), _ARGUMENTS)


def _hook() -> str:
    methods = (
        (name, method)
        for one in reversed(ours(XAICollectionsHook))
        for name, method in vars(one).items()
        if inspect.isfunction(method) and not name.startswith("_") and method.__doc__
    )
    rows = ((f"`{name}{_names(method)}`", first_sentence(method)) for name, method in methods)
    place = f"`{XAICollectionsHook.__module__}`"
    return _section(XAICollectionsHook.__name__, place, prose(XAICollectionsHook), rows, _METHODS)


def _emulator() -> Iterator[str]:
    yield "[Faults and switches](emulator.md) have a page of their own.\n"
    place = "`airflow_provider_xai_collections.emulator`"
    methods = ("set_faults", "count", "reset_log", "handle", "close")
    rows = [(f"`{name}{_names(method := getattr(Emulator, name))}`", first_sentence(method)) for name in methods]
    yield _section(Emulator.__name__, place, prose(Emulator), rows, _METHODS)
    for thing in (FaultRule, Settings):
        yield f"### {thing.__name__}\n\n{place}\n\n{first_sentence(thing)}\n"
    yield _section(running.__name__, place, prose(running), _arguments_of(running), _ARGUMENTS)
    fixtures = [(f"`{name}`", first_sentence(thing)) for name, thing in _fixtures().items()]
    place = f"`{pytest_plugin.__name__}`"
    yield _section("pytest fixtures", place, prose(pytest_plugin).split(">>>")[0].strip(), fixtures, ("Fixture", "Is"))


def _fixtures() -> Mapping[str, Any]:
    return {name: thing for name, thing in vars(pytest_plugin).items() if name.startswith("xai_emulator")}


_PARAMETERS = ("Parameter", "Type", "Default", "T", "Meaning")
_ARGUMENTS = ("Parameter", "Type", "Default", "Meaning")
_METHODS = ("Method", "Does")


def _section(
    title: str, place: str, text: str, rows: Iterable[Iterable[str]], header: Iterable[str] = _PARAMETERS
) -> str:
    rows = list(rows)
    parts = [f"### {title}", place, text, *([table(header, rows)] if rows else [])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _parameters_of_class(kind: type[Any], said_elsewhere: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
    parameters = {parameter.name: parameter for _, parameter in reversed([*arguments(kind)])}
    in_order = [parameters[name] for name in dict.fromkeys(parameter.name for _, parameter in arguments(kind))]
    return list(_rows(in_order, {**(said_elsewhere or {}), **meanings(kind)}, getattr(kind, "template_fields", ())))


def _arguments_of(thing: Any) -> list[tuple[str, ...]]:
    """Return the rows of a function or a value, of which nothing is templated."""
    rows = _rows(inspect.signature(thing).parameters.values(), meanings(thing), ())
    return [(*row[:3], *row[4:]) for row in rows]


def _rows(
    parameters: Iterable[inspect.Parameter], said: Mapping[str, str], templated: Iterable[str]
) -> Iterator[tuple[str, ...]]:
    for parameter in parameters:
        name = parameter.name
        if name in _SELF:
            continue
        is_rest = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        yield (
            f"`{'**' if is_rest else ''}{name}`",
            f"`{_type(parameter)}`",
            "" if is_rest else _CONFIGURED.get(name) or _default(parameter.default),
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
    if type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
        return "empty"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value!r}`"


def _names(method: Any) -> str:
    return f"({', '.join(name for name in inspect.signature(method).parameters if name not in _SELF)})"
