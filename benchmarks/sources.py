"""Folders of documents, made for a benchmark."""

from __future__ import annotations

from pathlib import Path

_IN_ONE_FOLDER = 1000


def small_documents(folder: Path, count: int) -> Path:
    """So many documents of some words each, no two alike."""
    for number in range(count):
        below = folder / f"{number // _IN_ONE_FOLDER:03d}"
        if not number % _IN_ONE_FOLDER:
            below.mkdir(parents=True)
        (below / f"{number:06d}.md").write_bytes(
            b"# Document %d\n\nIt says little, and nobody has said it before.\n" % number
        )
    return folder


def large_documents(folder: Path, count: int, size: int) -> Path:
    """So many documents of ``size`` bytes each. They are links to one file, so the disk holds it once."""
    folder.mkdir(parents=True)
    first = folder / "000000.txt"
    line = b"This document goes on for long, and says the same again and again.\n"
    with first.open("wb") as out:
        for _ in range(size // len(line)):
            out.write(line)
        out.write(b"." * (size % len(line)))
    for number in range(1, count):
        (folder / f"{number:06d}.txt").hardlink_to(first)
    return folder
