"""What a process holds on to: files, sockets and threads that are open, and memory in use.

What the process has of the machine would not tell of memory: most of that is free, and kept for later.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path

_FILES = Path("/proc/self/fd")
#: Bytes of a small object, about. Python keeps those to itself, and tells how many there are.
_SMALL = 100


def open_files() -> set[Path]:
    # Listing the folder opens it, for as long as that takes.
    return {path for path in list(_FILES.iterdir()) if path.is_symlink()}


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


class _MallInfo(ctypes.Structure):
    """What glibc tells of its heaps; see mallinfo2(3)."""

    _fields_ = [  # as ctypes wants it
        *((name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "mapped")),
        *((name, ctypes.c_size_t) for name in ("usmblks", "fsmblks", "used", "fordblks", "keepcost")),
    ]


def memory() -> int:
    """Bytes in use, large objects to the byte and small ones about."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _MallInfo
    told = ask()
    return int(told.used) + int(told.mapped) + sys.getallocatedblocks() * _SMALL
