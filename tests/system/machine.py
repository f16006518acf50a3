"""The name that a Celery worker takes for its machine's: both are on one."""

from __future__ import annotations

import os

#: Where it is told.
MACHINE = "SYSTEM_TESTS_MACHINE"


def name() -> str:
    """For ``[core] hostname_callable``."""
    return os.environ[MACHINE]
