"""Things that nothing may leave behind: open files, sockets and threads, memory, and a key where it can be read."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import pickle
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.server import KEYS

#: Seconds in which what was opened must be closed.
_SETTLE = 3.0
#: Bytes of a small object, about. Python keeps those to itself, and tells how many there are.
_SMALL = 100
#: Loggers that say more than usual, so that what they could give away is seen.
_TALKATIVE = ("airflow_provider_xai_collections", "httpcore", "httpx")


@contextmanager
def without_collector() -> Iterator[None]:
    """Let nobody close what was forgotten: the garbage collector would, sooner or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def open_files() -> set[Path]:
    """Return the descriptors of this process."""
    # Listing the folder opens it, for as long as that takes.
    return {path for path in list(Path("/proc/self/fd").iterdir()) if path.is_symlink()}


def open_now() -> tuple[int, int]:
    """Count open files and sockets, and threads but for those of the server."""
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("AnyIO")]
    return len(open_files()), len(threads)


def still_open(before: tuple[int, int]) -> Iterable[str]:
    """Tell what was not closed. The server takes a moment to close its ends."""
    give_up = time.perf_counter() + _SETTLE
    while True:
        now = open_now()
        if all(count <= then for count, then in zip(now, before, strict=True)):
            return []
        if time.perf_counter() > give_up:
            return [f"{now} files and threads are open, and {before} were before"]
        threading.Event().wait(0.002)


class _MallInfo(ctypes.Structure):
    """Figures that glibc tells of its heaps; see mallinfo2(3)."""

    _fields_ = [  # as ctypes wants it
        *((name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "mapped")),
        *((name, ctypes.c_size_t) for name in ("usmblks", "fsmblks", "used", "fordblks", "keepcost")),
    ]


def memory() -> int:
    """Return the bytes in use, large objects to the byte and small ones about.

    What the process has of the machine would not tell: most of that is free, and kept for later.
    """
    gc.collect()
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _MallInfo
    told = ask()
    return int(told.used) + int(told.mapped) + sys.getallocatedblocks() * _SMALL


def shown_keys(said: str, error: BaseException | None) -> Iterable[str]:
    """Tell where a key can be read."""
    texts = {"what was said": said}
    if error is not None:
        texts["the error"] = "".join(traceback.format_exception(error))
        copy = pickle.loads(pickle.dumps(error))  # our own, as Airflow carries it
        texts["the error, pickled"] = f"{copy!r} {copy.__dict__}"
    return [f"{name} shows a key" for name, text in texts.items() if any(key in text for key in KEYS.values())]


class Said(logging.Handler):
    """All that was said, to loggers and to the terminal, once the block of :func:`capturing` has ended.

    :param told: gets each line of a logger at the moment when it is written.
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
def capturing(told: Callable[[str], None] = lambda line: None) -> Iterator[Said]:
    """Let nothing that is said inside the block get out of it."""
    said = Said(told)
    with ExitStack() as stack:
        for name in _TALKATIVE:
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            stack.callback(setattr, logger, "propagate", logger.propagate)
            stack.callback(logger.removeHandler, said)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
            logger.addHandler(said)
        with tempfile.NamedTemporaryFile() as printed:
            with _terminal_led_to(printed.fileno()):
                yield said
            said.printed = Path(printed.name).read_text(errors="replace")


@contextmanager
def _terminal_led_to(file: int) -> Iterator[None]:
    """Lead it away by its descriptors: loggers keep the streams that they found when they were set up."""
    streams, kept = (sys.stdout, sys.stderr), [os.dup(descriptor) for descriptor in (1, 2)]
    for stream in streams:
        stream.flush()
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        for descriptor, original in zip((1, 2), kept, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
