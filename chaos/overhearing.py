"""All that a trial says: to loggers, and to the terminal."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: Loggers that say more than usual, so that what they could give away is seen.
_TALKATIVE = ("airflow_provider_xai_collections", "httpcore", "httpx")


class Overheard(logging.Handler):
    """What was said, once the block of :func:`overhearing` has ended.

    :param told: hears each line of a logger at the moment when it is written.
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._told = told
        self._lines: list[str] = []
        self.printed = ""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self._lines.append(line)
        self._told(line)

    @property
    def text(self) -> str:
        return "\n".join([*self._lines, self.printed])


@contextmanager
def overhearing(told: Callable[[str], None] = lambda line: None) -> Iterator[Overheard]:
    """Nothing that is said inside the block gets out of it."""
    heard = Overheard(told)
    with ExitStack() as stack:
        for name in _TALKATIVE:
            stack.enter_context(_listening(logging.getLogger(name), heard))
        printed = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "printed"
        with _terminal_led_to(printed):
            yield heard
        heard.printed = printed.read_text(errors="replace")


@contextmanager
def _listening(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _terminal_led_to(path: Path) -> Iterator[None]:
    """By its descriptors: loggers keep the streams that they found when they were set up."""
    streams = (sys.stdout, sys.stderr)
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("wb") as file:
        for stream in streams:
            stream.flush()
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        for descriptor, original in zip((1, 2), kept, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
