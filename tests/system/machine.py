"""The name that a Celery worker takes for its machine's: both are on one."""

from __future__ import annotations

import os


def name() -> str:
    """For ``[core] hostname_callable``."""
    return os.environ["SYSTEM_TESTS_MACHINE"]
