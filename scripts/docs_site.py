"""Build the site of the documentation into .site/site: `make docs`. A link that leads nowhere ends it with an error.

The pages are those of docs/, the Markdown files at the top, and one for each recipe. Their links are written for those
who read the repository; here each is rewritten to the page that its file has become.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.versions import ROOT

#: Pages by the files they are made of, beside those of docs/ and the recipes.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "benchmarks/CHAOS.md": "fault-tests.md",
}
CONFIGURATION = "docs/zensical.toml"
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#]*)(?P<anchor>#[^)\s]*)?(?=\))")
_CODE = re.compile(r"`[^`\n]+`")
_FENCE = re.compile(r"^(\s*```.*?^\s*```)", re.MULTILINE | re.DOTALL)


def pages_of(root: Path) -> dict[str, str]:
    """Return the page that each file becomes, by path below the repository."""
    docs = {f"docs/{path.name}": path.name for path in (root / "docs").glob("*.md")}
    recipes = {f"dags/{path.name}": f"recipes/{path.stem}.md" for path in (root / "dags").glob("*.py")}
    return {**PAGES, **docs, **recipes}


def pictures_of(root: Path) -> dict[str, str]:
    """Return where in the site each picture is, by path below the repository."""
    folder = root / "docs" / "pictures"
    return {f"docs/pictures/{path.name}": f"pictures/{path.name}" for path in folder.glob("*.*")}


def links_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and anchor of each link into the repository; code has none."""
    for number, part in enumerate(_FENCE.split(text)):
        if number % 2 == 0:
            for link in _LINK.finditer(part):
                if "://" not in link["path"] and not link["path"].startswith("mailto:"):
                    yield link["path"], link["anchor"] or ""


def rewritten(text: str, file: str, pages: dict[str, str]) -> str:
    """Return the text of a file as that of its page.

    :param file: its path below the repository.
    :raises SystemExit: a link leads to a file that has no page.
    """

    def target(link: re.Match[str]) -> str:
        path, anchor = link["path"], link["anchor"] or ""
        if "://" in path or path.startswith("mailto:") or not path:
            return f"{path}{anchor}"
        there = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        if there not in pages:
            raise SystemExit(f"docs: {file} has a link to {path}, which has no page")
        return f"{posixpath.relpath(pages[there], posixpath.dirname(pages[file]) or '.')}{anchor}"

    parts = _FENCE.split(text)
    return "".join(
        part if number % 2 else _without_escapes(_LINK.sub(target, part)) for number, part in enumerate(parts)
    )


def _without_escapes(text: str) -> str:
    """Return the text as the builder reads it: elsewhere, a bar in a table's code would end the cell."""
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), text)


def write_pages(root: Path, folder: Path) -> None:
    """Write all pages."""
    pages, pictures = pages_of(root), pictures_of(root)
    targets = pages | pictures
    for file, place in pictures.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, folder / place)
    for file, page in pages.items():
        text = (root / file).read_text(encoding="utf-8")
        path = folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        is_recipe = file.endswith(".py")
        path.write_text(
            f"# {Path(file).stem}\n\n```python\n{text}```\n" if is_recipe else rewritten(text, file, targets),
            encoding="utf-8",
        )


def build(root: Path, folder: Path) -> int:
    """Build the site of a repository in a folder; return the status of the builder."""
    shutil.rmtree(folder, ignore_errors=True)
    write_pages(root, folder / "pages")
    shutil.copy(root / CONFIGURATION, folder / "zensical.toml")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    status = subprocess.run(command, cwd=folder, check=False).returncode
    if status == 0 and not (folder / "site" / "index.html").exists():
        status = 1
    return status


def main() -> int:
    """Build the site of this repository."""
    if status := build(ROOT, ROOT / ".site"):
        print("docs: the site was not built, for the reasons above")
        return status
    print("docs: open .site/site/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
