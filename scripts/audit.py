"""Ask for the known vulnerabilities of every pinned version: `make audit`.

Runs pip-audit, which asks PyPI. It needs the network: where a package cannot be looked up, nothing is known about
it, and this says so instead of calling it sound. Exit status 1: something is known; 2: not everything could be asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.text import counted

COMMAND = ("tool", "run", "--from", "pip-audit>=2.7,<3", "pip-audit", "--no-deps", "--disable-pip", "--format", "json")
#: Packages that a line names.
NAMED = 5


def main(paths: Sequence[str]) -> int:
    """Audit each file of pins; the worst status counts."""
    worst = 0
    for path in paths:
        status, lines = asked(path)
        print(*(f"audit: {path}: {line}" for line in lines), sep="\n")
        worst = max(worst, status)
    return worst


def asked(path: str) -> tuple[int, list[str]]:
    """Run pip-audit on one file."""
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [str(uv), *COMMAND, "--progress-spinner", "off", "--requirement", path],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return 2, [f"pip-audit could not ask; it needs the network and PyPI ({last})"]
    return outcome(answer)


def outcome(answer: Any) -> tuple[int, list[str]]:
    """Return the exit status and what to print of pip-audit's JSON."""
    dependencies = answer["dependencies"]
    known = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no release'}"
        for each in dependencies
        for flaw in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    flaws = counted(len(known), "known vulnerability", "known vulnerabilities")
    lines = [*known, f"{flaws} in {counted(len(dependencies) - len(unknown), 'package')}"]
    if unknown:
        names = ", ".join(unknown[:NAMED]) + (", …" if len(unknown) > NAMED else "")
        lines.append(f"{len(unknown)} could not be looked up, so NOTHING is known about them: {names}")
        lines.append("it needs the network, and PyPI itself: mirrors have no list of vulnerabilities")
    return (1 if known else 2 if unknown or not dependencies else 0), lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
