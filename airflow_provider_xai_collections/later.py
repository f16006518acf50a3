"""Modules that are imported when they are needed.

Airflow parses DAG files all the time, for which it needs the arguments of operators, and not what does their work:
models, flows, HTTP. So modules of operators name here what does the work, and import it as usual only for those who
check types and layers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class later:  # noqa: N801  # stands where ``import`` would
    """A module of this package, which is imported when something of it is asked for.

    :param name: below this package, such as ``api.flows``.
    """

    def __init__(self, name: str) -> None:
        self._name = f"{__package__}.{name}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # of this object, which may be half made: when it is copied, say
            raise AttributeError(name)
        return getattr(import_module(self._name), name)
