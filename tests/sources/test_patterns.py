"""Patterns of names: the language of .gitignore, as git itself speaks it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.patterns import Patterns, literal

#: Each with names that match, and names that do not.
MEANINGS: list[tuple[Any, list[str], list[str]]] = [
    ("*", ["a.md", "a/b/c"], []),
    ("*.md", ["a.md", "a/b.md", "a.md/b.txt"], ["a.MD", "a.mdx"]),
    ("**/*.md", ["README.md", "a/README.md", "a/b/c.md"], ["a.txt"]),
    ("/*.md", ["a.md"], ["a/b.md"]),
    ("a/*.md", ["a/b.md"], ["a.md", "a/b/c.md", "x/a/b.md"]),
    ("a/**/c.md", ["a/c.md", "a/b/c.md", "a/b/b/c.md"], ["c.md", "b/a/c.md"]),
    ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
    ("**", ["a", "a/b"], []),
    ("node_modules/", ["node_modules/a", "x/node_modules/y/z.js"], ["node_modules", "x/node_modules"]),
    ("node_modules", ["node_modules", "node_modules/a", "x/node_modules/y"], ["node_modules2"]),
    ("docs/old/", ["docs/old/a"], ["x/docs/old/a", "docs/old"]),
    ("?.[ab]", ["x.a", "y/x.b"], ["x.c", "xx.a"]),
    ("[!a].md", ["b.md"], ["a.md"]),
    ("*.{md,txt}", ["a.md", "b/c.txt"], ["a.rst", "a.{md,txt}"]),
    ("{a,b/{c,d}}/*.md", ["a/x.md", "b/c/x.md", "b/d/x.md"], ["b/x.md", "b/e/x.md"]),
    ("\\{a,b}", ["{a,b}"], ["a", "b"]),
    ("{a}", ["{a}"], ["a"]),
    (["*.md", "*.txt"], ["a.md", "b/c.txt"], ["a.rst"]),
    (["*", "!*.tmp"], ["a.md", "b/c.tmp"], ["a.tmp"]),
    (["*", "!*/", "!*.tmp"], ["a.md", "b/c.md"], ["a.tmp", "b/c.tmp"]),
    (["*.md", "!a.md", "/a.md"], ["b.md", "a.md"], ["b/a.md"]),
    (["docs/", "!docs/keep.md"], ["docs/a.md", "docs/keep.md"], []),
    (["docs/*", "!docs/keep.md"], ["docs/a.md", "docs/b/c.md"], ["docs/keep.md"]),
    ("\\#a", ["#a"], ["a"]),
    ("\\!a", ["!a"], ["a"]),
    ("a\\*", ["a*"], ["ab"]),
    ("a b.md ", ["a b.md"], ["a b.md "]),
    ("a\\ ", ["a "], ["a"]),
    ("a /b", ["a /b"], ["a/b"]),
    ("a[b", ["a[b"], ["ab"]),
    ("[z-a]", [], ["z", "a", "[z-a]"]),
    ("[^a].md", ["b.md"], ["a.md"]),
    ("\\[a\\].md", ["[a].md"], ["a.md"]),
    ("a\\\\b", ["a\\b"], ["ab"]),
    ("docs/*/a", ["docs//a", "docs/b/a"], ["docs/a"]),
    (["", "#comment", "*.md"], ["a.md"], ["comment"]),
    (["/", "!"], [], ["a", "!"]),
    ([], [], ["a"]),
]


@pytest.mark.parametrize(("written", "matched", "others"), MEANINGS, ids=lambda value: repr(value)[:40])
def test_a_pattern_means_what_people_mean_by_it(written: Any, matched: list[str], others: list[str]) -> None:
    patterns = Patterns(written)
    assert [name for name in (*matched, *others) if patterns.matches(name)] == matched


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "a\\",
            r"'a\\\\' is no pattern \(it ends in a backslash\).* a backslash makes the next character stand for itself",
        ),
        ("{a,b}" * 12, "stands for more than 1,000 others. Use fewer braces"),
    ],
)
def test_what_is_no_pattern_is_refused(written: str, said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        Patterns(written)


def test_what_matched_nothing_is_known() -> None:
    patterns = Patterns(["*.md", "*.{rst,txt}", "!x.md", "old/", "never/", "/a.md", "#c", ""])
    for name in ("a.md", "b/x.md", "old/c.pdf"):
        patterns.matches(name)
    assert patterns.unmatched == ["*.{rst,txt}", "never/", "#c"]
    assert Patterns("*").unmatched == []


@pytest.mark.parametrize("name", ["a[1]", "lost+found", "!x", "#x", "{a,b}", "a\\b", "*", "a?c", "a b"])
def test_a_name_can_be_written_as_a_pattern(name: str) -> None:
    patterns = Patterns(literal(name))
    assert patterns.matches(name)
    assert not any(patterns.matches(other) for other in ("a1", "a", "b", "abc", "x", "ab"))


#: No ``a**``: its literal beginning taken off, git takes the rest for ``**`` at times.
SEGMENTS = ("a", "b", "*", "?", "**", "*.md", "x.*", "[ab]", "[xy].*", "\\#h", "\\!e", "\\[z\\]", "x.md", "a*")
PATTERNS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/"]),
)
FOLDERS = ["/".join(parts) for depth in range(4) for parts in product("ab", repeat=depth)]
NAMES = [f"{folder}/{name}".lstrip("/") for folder in FOLDERS for name in ("x.md", "y.txt", "[z]", "#h", "!e", "ax")]


@pytest.fixture(scope="module")
def ignored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], list[str]]:
    """Which names git would ignore with these lines."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    home = tmp_path_factory.mktemp("repository")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith("GIT_DIR")}

    def run(*arguments: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            [git, *arguments], cwd=home, env=environment, input=given, capture_output=True, check=False
        )
        assert done.returncode in (0, 1), done.stderr  # 1: nothing is ignored
        return done.stdout

    run("init", "--quiet")
    for name in NAMES:
        path = Path(home, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def ask(lines: list[str]) -> list[str]:
        (home / ".git/info/exclude").write_text("".join(f"{line}\n" for line in lines))
        told = run("check-ignore", "--no-index", "--stdin", "-z", given="\0".join(NAMES).encode())
        return told.decode().split("\0")[:-1]

    return ask


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(PATTERNS, min_size=1, max_size=4))
@example(lines=["x.md", "a", "!a"])
@example(lines=["a/**", "!a/b/"])
@example(lines=["*", "!*/", "!x.md"])
def test_they_agree_with_git(ignored: Callable[[list[str]], list[str]], lines: list[str]) -> None:
    patterns = Patterns(lines)
    assert [name for name in NAMES if patterns.matches(name)] == ignored(lines)


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(PATTERNS, min_size=1, max_size=4))
def test_no_folder_is_passed_over_that_holds_a_match(lines: list[str]) -> None:
    """In any order of asking, what a folder is told does not change what its files are."""
    patterns, backwards = Patterns(lines), Patterns(lines)
    matched = [name for name in NAMES if patterns.matches(name)]
    assert [name for name in reversed(NAMES) if backwards.matches(name)] == matched[::-1]
    for name in matched:
        for folder in [name[:at] for at, character in enumerate(name) if character == "/"]:
            assert patterns.may_match_below(folder)
    for folder in filter(patterns.matches_folder, filter(None, FOLDERS)):
        assert {name for name in NAMES if name.startswith(f"{folder}/")} <= set(matched)
