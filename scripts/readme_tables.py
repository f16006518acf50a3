"""Writes the generated table of README.md from the contract table: `make tables`. A test runs it with --check."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS, Endpoint
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.api.wire import Answer

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- endpoints: begin (make tables) -->", "<!-- endpoints: end -->"
HEADER = ("Call", "Hook method", "Key", "A repeat is harmless", "Source")


def render() -> str:
    """The table, as Markdown."""
    lines = [HEADER, ("---",) * len(HEADER), *map(_row, ENDPOINTS)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(endpoint: Endpoint[Answer]) -> tuple[str, ...]:
    return (
        f"`{endpoint.method} {endpoint.path}`",
        f"`{endpoint.name}`",
        "management" if endpoint.host is Host.MANAGEMENT else "API",
        "yes" if endpoint.idempotent else "no",
        endpoint.source,
    )


def main() -> int:
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{render()}\n{END}{after}"
    if "--check" in sys.argv:
        return int(wanted != text)
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
