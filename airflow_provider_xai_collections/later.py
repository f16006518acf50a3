"""Modules that are imported when they are needed.

Airflow parses DAG files all the time, for which it needs the arguments of operators, and not what does their work:
models, flows, HTTP. So modules of operators name here what does the work, and import it as usual only for those who
check types and layers.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any


class later:  # noqa: N801  # stands where ``import`` would
    """A module of this package, which is imported when something of it is asked for.

    :param name: below this package, such as ``api.flows``.
    """

    def __init__(self, name: str) -> None:
        self._name = f"{__package__}.{name}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    @cached_property
    def _module(self) -> ModuleType:
        return import_module(self._name)
