"""A folder of documents that changes by seed."""

from __future__ import annotations

import random
from pathlib import Path

from blake3 import blake3

_IN_ONE_FOLDER = 100


class Corpus:
    """Documents of some words each, no two alike.

    :param folder: where they are.
    :param seed: chooses which change.
    :ivar hashes: of the content, by name.
    :ivar untouched: names of those that never change.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._die = random.Random(seed)
        self._made = 0
        self._edition = 1
        self.hashes: dict[str, str] = {}
        self.untouched: set[str] = set()

    def add(self, count: int) -> None:
        """Write so many new documents."""
        for number in range(self._made, self._made + count):
            self._write(f"{number // _IN_ONE_FOLDER:03}/{number:05}.md", number)
        self._made += count

    def replace(self, count: int) -> None:
        """Give so many of them other content."""
        self._edition += 1
        for number, name in enumerate(self._chosen(count)):
            self._write(name, number)

    def remove(self, count: int) -> None:
        """Remove so many."""
        for name in self._chosen(count):
            (self.folder / name).unlink()
            del self.hashes[name]

    def _chosen(self, count: int) -> list[str]:
        return self._die.sample(sorted(self.hashes.keys() - self.untouched), count)

    def _write(self, name: str, number: int) -> None:
        # Each edition is longer than the last: a change that keeps the size, within the time in which a file system
        # counts, is none to a sync that does not read.
        content = (
            f"# Document {number:05}\n\nEdition {'I' * self._edition}, in {self.folder.name}, of {name}.\n".encode()
        )
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.hashes[name] = blake3(content).hexdigest()
