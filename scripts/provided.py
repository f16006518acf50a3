"""What this provider offers, found as Airflow finds it: by way of the metadata. What is new is found by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from airflow_provider_xai_collections.get_provider_info import get_provider_info

PACKAGE = "airflow_provider_xai_collections"


def classes(room: str) -> list[type[Any]]:
    """Our classes of the modules that are listed as ``operators``, ``sensors``, ``triggers`` or ``task-decorators``."""
    modules = {name: import_module(name) for entry in get_provider_info()[room] for name in _modules(entry)}
    return [
        thing
        for name, module in modules.items()
        for thing in vars(module).values()
        if inspect.isclass(thing)
        and thing.__module__ == name
        and thing.__name__.endswith(("Operator", "Sensor", "Trigger"))
        and not inspect.isabstract(thing)
    ]


def _modules(entry: dict[str, Any]) -> list[str]:
    return entry.get("python-modules") or [entry["class-name"].rpartition(".")[0]]


def ours(kind: type[Any]) -> list[type[Any]]:
    """The class and those it is made of, as far as they are of this package."""
    return [one for one in kind.__mro__ if one.__module__.split(".")[0] == PACKAGE]


def arguments(kind: type[Any]) -> Iterator[tuple[type[Any], inspect.Parameter]]:
    """Each argument that is ours and not Airflow's, with the class that adds it."""
    for one in ours(kind):
        if "__init__" in vars(one):
            signature = inspect.signature(inspect.unwrap(one.__init__))
            own = (parameter for parameter in signature.parameters.values() if parameter.kind is parameter.KEYWORD_ONLY)
            yield from ((one, parameter) for parameter in own)
