"""Patterns of names, in the language of ``.gitignore``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from airflow_provider_xai_collections.exceptions import XAIArgumentError

#: ``{md,txt}``, which ``.gitignore`` does not know; the innermost first.
_ALTERNATIVES = re.compile(r"(?<!\\)\{([^{}]*,[^{}]*)\}")
#: Patterns that braces may stand for. A few pairs of them more would fill the memory.
MAX_ALTERNATIVES = 1_000
#: The part of a pattern that stands for any folders, or none.
_ANY_FOLDERS = None
_SPECIAL = re.compile(r"([\\*?\[\]{}!#])")
_ESCAPED = re.compile(r"\\(.?)|\[\^", re.DOTALL)

Segment: TypeAlias = re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One pattern, or one of its alternatives.

    :param written: the pattern as it was written.
    :param segments: what the parts of a path must be, from the source on.
    :param only_folders: it ends in a slash.
    :param takes_back: it begins with an exclamation mark.
    """

    written: str
    segments: tuple[Segment, ...]
    only_folders: bool
    takes_back: bool

    @property
    def by_name(self) -> Segment:
        """Pattern of the last part, where nothing else matters, as in most patterns."""
        return self.segments[1] if len(self.segments) == 2 and self.segments[0] is _ANY_FOLDERS else None

    def fits(self, path: str) -> bool:
        """Tell whether it fits this very path, not only a folder above it."""
        return len(self.segments) in self.reached(path.split("/"))

    def reached(self, parts: Sequence[str]) -> set[int]:
        """Return how many segments these parts may use up: several numbers because of ``**``, none if they differ."""
        at = self._past_any_folders({0})
        for part in parts:
            further = {i for i in at if i < len(self.segments) and self.segments[i] is _ANY_FOLDERS}
            for i in at - further:
                if i < len(self.segments) and (segment := self.segments[i]) and segment.fullmatch(part):
                    further.add(i + 1)
            at = self._past_any_folders(further)
        return at

    def _past_any_folders(self, at: set[int]) -> set[int]:
        return at | {i + 1 for i in at if i < len(self.segments) and self.segments[i] is _ANY_FOLDERS}


#: A rule, and the test of the last part of a path if nothing else matters.
_Check: TypeAlias = tuple[_Rule, Callable[[str], re.Match[str] | None] | None]


class Patterns:
    """One pattern or several, as the lines of a ``.gitignore`` at the root of the source.

    The last one that fits a path decides, and one with ``!`` takes back; below a folder that is matched, all is.

    :param written: ``*.md`` is about names at any depth, ``a/*.md`` and ``/*.md`` are about paths from the source on,
        ``**`` stands for any folders or none, ``old/`` for a folder with all below it, ``*.{md,txt}`` for either.
    :raises XAIArgumentError: one means nothing, or too much.
    """

    def __init__(self, written: str | Iterable[str]) -> None:
        several = [written] if isinstance(written, str) else written
        self.written = [pattern for pattern in several if pattern.strip()]  # a template may leave one empty
        self._rules = [rule for pattern in self.written for rule in _rules_of(pattern)]
        #: The last first, as it decides; those about files and folders, and those about folders alone.
        self._checks = [
            (rule, rule.by_name.fullmatch if rule.by_name is not None else None) for rule in reversed(self._rules)
        ]
        self._checks_of_files = [(rule, by_name) for rule, by_name in self._checks if not rule.only_folders]
        self._unmatched = dict.fromkeys(self.written)
        self.takes_all = self.written in (["*"], ["**"])
        self._asked = ("", False)

    def __str__(self) -> str:
        return repr(self.written[0] if len(self.written) == 1 else self.written)

    @property
    def is_empty(self) -> bool:
        """Tell whether no path can match: there is no pattern, or each of them only takes back."""
        return all(rule.takes_back for rule in self._rules)

    @property
    def is_deep(self) -> bool:
        """Tell whether one may match at any depth."""
        return any(segment is _ANY_FOLDERS for rule in self._rules for segment in rule.segments[:-1])

    @property
    def unmatched(self) -> list[str]:
        """The patterns that fitted no path so far."""
        return [] if self.takes_all else list(self._unmatched)

    def matches(self, name: str) -> bool:
        """Tell whether a file is matched, by its path below the source, itself or with a folder above it."""
        if self.takes_all:
            return True
        if not self._rules:
            return False
        folder, slash, _ = name.rpartition("/")
        return (bool(slash) and self.matches_folder(folder)) or self._decide(name, self._checks_of_files)

    def matches_folder(self, folder: str) -> bool:
        """Tell whether a folder is matched with all below it."""
        if not self._rules:
            return False
        if self._asked[0] != folder:  # the files of a folder come one after the other
            ends = (at for at, character in enumerate(f"{folder}/") if character == "/")
            self._asked = (folder, any(self._decide(folder[:end], self._checks) for end in ends))
        return self._asked[1]

    def may_match_below(self, folder: str) -> bool:
        """Tell whether anything below a folder may be matched."""
        if self.takes_all or self.matches_folder(folder):
            return True
        parts = folder.split("/")
        return any(not rule.takes_back and rule.reached(parts) for rule in self._rules)

    def _decide(self, path: str, checks: Sequence[_Check]) -> bool:
        answer: bool | None = None
        name = path.rpartition("/")[2]
        for rule, by_name in checks:
            if answer is not None and rule.written not in self._unmatched:
                continue
            if by_name(name) if by_name else rule.fits(path):
                self._unmatched.pop(rule.written, None)
                if answer is None:
                    answer = not rule.takes_back
        return bool(answer)


def literal(name: str) -> str:
    """Return the pattern that matches this name alone."""
    return _SPECIAL.sub(r"\\\1", name)


def _rules_of(written: str) -> list[_Rule]:
    try:
        found = (_rule_of(written, each) for each in _alternatives(written))
        return [rule for rule in found if rule is not None]
    except XAIArgumentError:
        raise
    except ValueError as error:
        raise XAIArgumentError(
            f"{written!r} is no pattern ({error}). Patterns are those of .gitignore, where a backslash makes the next "
            "character stand for itself"
        ) from error


def _alternatives(written: str) -> list[str]:
    done: list[str] = []
    to_do = [written]
    while to_do:
        pattern = to_do.pop()
        if (found := _ALTERNATIVES.search(pattern)) is None:
            done.append(pattern)
        else:
            before, after = pattern[: found.start()], pattern[found.end() :]
            to_do.extend(f"{before}{one}{after}" for one in found[1].split(","))
        if len(done) + len(to_do) > MAX_ALTERNATIVES:
            raise XAIArgumentError(
                f"the pattern {written[:100]!r} stands for more than {MAX_ALTERNATIVES:,} others. Use fewer braces"
            )
    return done


def _rule_of(written: str, pattern: str) -> _Rule | None:
    """Read a pattern; ``None`` for what means nothing in a ``.gitignore``: an empty line, a comment."""
    if not pattern.endswith("\\ "):
        pattern = pattern.rstrip()
    if pattern.startswith("#"):
        return None
    takes_back = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    only_folders = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    if not pattern:
        return None
    is_anchored = "/" in pattern
    parts = pattern.removeprefix("/").split("/")
    if not is_anchored:
        parts = ["**", *parts]
    if parts[-1] == "**":  # what is below, whatever it is called
        parts.append("*")
    parts = [part for before, part in pairwise(["", *parts]) if not before == part == "**"]
    segments = tuple(_ANY_FOLDERS if part == "**" else _segment(part) for part in parts)
    return _Rule(written, segments, only_folders, takes_back)


@lru_cache(maxsize=1_000)
def _segment(text: str) -> re.Pattern[str]:
    """Pattern that one part of a path matches in full."""
    return re.compile(translate(_ESCAPED.sub(_as_python_writes_it, text)))


def _as_python_writes_it(found: re.Match[str]) -> str:
    """Translate backslashes and ``[^``, which Python's patterns of names do not know."""
    if found[0] == "[^":
        return "[!"
    if not found[1]:
        raise ValueError("it ends in a backslash")
    return f"[{found[1]}]" if found[1] in "*?[" else found[1]
