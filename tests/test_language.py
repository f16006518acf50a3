"""The language of the code base: docstrings that say what a thing does or is, and no private words."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "airflow_provider_xai_collections"
FILES = sorted(PACKAGE.rglob("*.py"))
OTHERS = [path for room in ("benchmarks", "dags", "scripts", "tests") for path in sorted((ROOT / room).rglob("*.py"))]

#: How the first line of a docstring does not begin.
BEGINNINGS = ("What ", "Whether ", "Of ", "How ")
#: Words that readers had to learn, and the field's own instead.
PRIVATE = {
    r"superfluous": "outdated",
    r"tally": "stats",
    r"verdicts?": "outcome",
    r"last words": "on_kill message",
    r"told to end": "cancelled",
    r"anew": "again",
    r"mend(s|ed|ing)?": "fix",
    r"for want of": "missing",
    r"bring(s|ing)? in": "ingest, upload and attach",
    r"brought in": "ingested, uploaded and attached",
    r"in place": "in the collection, processed, or there",
    r"strangers?": "others",
}


@pytest.mark.parametrize("path", FILES + OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_say_what_a_thing_does_or_is(path: Path) -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documented = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))
    texts = [ast.get_docstring(node) or "" for node in documented]
    assert [text.splitlines()[0] for text in texts if text.startswith(BEGINNINGS)] == []


@pytest.mark.parametrize("path", FILES + OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_words(path: Path) -> None:
    if path == Path(__file__):
        return  # they are listed here
    found = [
        f"{number}: {word[0]!r}, better {better!r}: {line.strip()}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for pattern, better in PRIVATE.items()
        for word in re.finditer(rf"\b{pattern}\b", line, re.IGNORECASE)
    ]
    assert found == []


def test_no_two_classes_have_one_name() -> None:
    nodes = [node for path in FILES for node in ast.walk(ast.parse(path.read_text()))]
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))
    assert [name for name, number in names.items() if number > 1] == []


def test_no_constant_has_two_values() -> None:
    values: dict[str, dict[str, Path]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and re.fullmatch(r"[A-Z][A-Z0-9_]*", name := ast.unparse(node.targets[0])):
                values.setdefault(name, {})[ast.unparse(node.value)] = path
    assert {name: sorted(map(str, several.values())) for name, several in values.items() if len(several) > 1} == {}
