"""Looking at files as somebody who may not see them all: root may, so tests that root runs step down for a while."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., Any])

NOBODY = 65_534


@contextmanager
def unprivileged() -> Iterator[None]:
    """This process is nobody's meanwhile, if it was root's; of all its threads."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(NOBODY)
    except OSError as error:
        pytest.skip(f"root may not become nobody here ({error})")
    try:
        yield
    finally:
        os.seteuid(0)


def as_nobody(function: F) -> F:
    """The function, which looks at files as nobody."""
    return unprivileged()(function)


@contextmanager
def public(folder: Path) -> Iterator[Path]:
    """A folder moved to where nobody can reach it: those of pytest are their owner's alone."""
    home = Path(tempfile.mkdtemp())
    try:
        home.chmod(0o755)
        yield Path(shutil.move(folder, home / folder.name))
    finally:
        for path in home.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(home)
