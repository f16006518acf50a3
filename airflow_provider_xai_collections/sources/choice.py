"""Choice of files below a source, and the entries of its listings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.patterns import Patterns


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that was listed, not read.

    :param path: its absolute path, or the name that the object storage has for it.
    :param name: its path below the folder, or below the fixed part of the glob.
    :param info: what the listing says of it: an ``os.DirEntry``, or fsspec's info.
    :param is_source: it is what the source itself names, not a file below a folder.
    :param leads_out: where it leads, if it is a link that leaves the source.
    :param unseen: why it is unknown whether it is a folder with files that are wanted; it is no such file itself.
    """

    path: str
    name: str
    info: Any = None
    is_source: bool = False
    leads_out: str = ""
    unseen: str = ""

    @property
    def barrier(self) -> str:
        """The reason why it is neither read nor entered; empty if there is none."""
        if self.leads_out:
            return f"it is a link that leads out of the source, to {self.leads_out}: follow_links=True takes such links"
        if self.unseen:
            return (
                f"it may be a folder, and cannot be inspected ({self.unseen}), so what is in the collection from below "
                "it stays. Make it readable, remove it, or leave it out with exclude"
            )
        return ""


class Choice:
    """Patterns and switches that choose files.

    :param pattern: of the files below a folder or glob, those that are matched; one pattern or several.
    :param exclude: files to leave out, and folders not to enter.
    :param follow_links: take what links lead to that leave the source.
    :raises XAIArgumentError: a pattern means nothing.
    """

    def __init__(
        self, pattern: str | Iterable[str] = "*", exclude: str | Iterable[str] = (), *, follow_links: bool = False
    ) -> None:
        self.pattern = Patterns(pattern)
        self.exclude = Patterns(exclude)
        self.follow_links = follow_links
        if not self.pattern.written:
            raise XAIArgumentError("pattern is empty; it must be a pattern such as '*.md', or a list of them")
        if self.pattern.is_empty:
            raise XAIArgumentError(
                f"pattern {self.pattern} lets nothing through: one that begins with '!' takes back what those "
                "before it match, and one that begins with '#' is a comment. What is not wanted belongs "
                "into exclude"
            )

    @property
    def narrows(self) -> str:
        """The argument by which not all files are let through; empty if all are."""
        return "a pattern" if not self.pattern.takes_all else "exclude" if self.exclude.written else ""

    def __str__(self) -> str:
        return f"pattern {self.pattern}, exclude {self.exclude.written!r}"

    def warnings(self, source: str) -> Iterator[str]:
        """Warn of patterns that matched nothing."""
        for argument, patterns in (("pattern", self.pattern), ("exclude", self.exclude)):
            for one in patterns.unmatched:
                yield (
                    f"{argument} {one!r} matches nothing in {source}. Patterns are those of .gitignore: one with a "
                    "slash in it is about paths from the source on, a folder that is matched is not entered, and "
                    "hidden files are never listed"
                )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Test of paths below a source; ``glob`` is its own pattern, if it is one."""

    choice: Choice
    glob: Patterns | None = None

    def takes(self, name: str) -> bool:
        """Tell whether a file would be listed."""
        return (
            not is_hidden(name)
            and not self.choice.exclude.matches(name)
            and (self.glob is None or self.glob.matches(name))
            and self.choice.pattern.matches(name)
        )

    def enters(self, folder: str) -> bool:
        """Tell whether anything below a folder may be listed."""
        return (
            not is_hidden(folder)
            and not self.choice.exclude.matches_folder(folder)
            and (self.glob is None or self.glob.may_match_below(folder))
            and self.choice.pattern.may_match_below(folder)
        )


def is_hidden(name: str) -> bool:
    return name.startswith(".") or "/." in name
