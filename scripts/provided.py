"""Everything that this provider offers, found by way of the metadata as Airflow finds it, or named here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from airflow_provider_xai_collections.get_provider_info import get_provider_info

PACKAGE = "airflow_provider_xai_collections"
#: Functions that users call, by module.
FUNCTIONS = {
    "assets.collections": ("create_asset",),
    "assets.events": ("triggering_collections", "triggering_events"),
    "batches": ("batches",),
    "retry_policies": ("xai_retry_policy",),
    "tables": ("passages",),
}
#: Arguments of a base that a class fills in itself.
FILLED_IN = {"XAIIngestDecoratedOperator": ("paths",)}
#: Classes that users make, by module.
VALUES = {
    "sources.content": ("Content",),
    "api.identity": ("SourceDocument",),
    "api.filters": ("SearchFilter", "ListFilter"),
    "assets.events": ("TriggeringEvent",),
}


def classes(kind: str) -> list[type[Any]]:
    """Return our classes of the modules listed as ``operators``, ``sensors``, ``triggers`` or ``task-decorators``."""
    modules = {name: import_module(name) for entry in get_provider_info()[kind] for name in _modules(entry)}
    return [
        thing
        for name, module in modules.items()
        for thing in vars(module).values()
        if inspect.isclass(thing)
        and thing.__module__ == name
        and thing.__name__.endswith(("Operator", "Sensor", "Trigger"))
        and not inspect.isabstract(thing)
    ]


def listed(names: dict[str, tuple[str, ...]]) -> list[Any]:
    """Return the functions of ``FUNCTIONS``, or the classes of ``VALUES``."""
    modules = {module: import_module(f"{PACKAGE}.{module}") for module in names}
    return [getattr(modules[module], name) for module, several in names.items() for name in several]


def _modules(entry: dict[str, Any]) -> list[str]:
    return entry.get("python-modules") or [entry["class-name"].rpartition(".")[0]]


def ours(kind: type[Any]) -> list[type[Any]]:
    """Return the class and its bases, as far as they are of this package."""
    return [one for one in kind.__mro__ if one.__module__.split(".")[0] == PACKAGE]


def arguments(kind: type[Any]) -> Iterator[tuple[type[Any], inspect.Parameter]]:
    """Return each argument that is ours and not Airflow's, with the class that has it."""
    for one in ours(kind):
        if "__init__" in vars(one):
            for parameter in keywords(inspect.unwrap(one.__init__)):
                if parameter.name not in FILLED_IN.get(kind.__name__, ()):
                    yield one, parameter


def keywords(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function that are passed by name."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
