"""``python -m scripts.pictures``: run the commands of the command line in a terminal, and write what it shows as SVG.

Everything runs against the emulator, on documents made for it. Nothing is loaded from the network when a picture is
looked at.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from airflow_provider_xai_collections.cli.definition import NAME
from airflow_provider_xai_collections.emulator import Emulator, Settings
from airflow_provider_xai_collections.emulator.server import running

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 100
#: The template of rich, without fonts from elsewhere.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
DOCUMENTS = {
    "leave.md": "# Leave\n\nAsk your lead two weeks before. There are thirty days of leave in a year.\n",
    "refunds.md": "# Refunds\n\nA refund is paid within five working days after the return has been scanned.\n",
    "contracts/who-may-sign.md": "# Contracts\n\nTwo directors sign together; below 5,000 one lead of a team may.\n",
    "contracts/archive.md": "# Archive\n\nSigned contracts are kept for ten years.\n",
    "logo.png": "\x89PNG",
    "scan.pdf": "%PDF-1.4, and then it breaks off",
}
#: The commands, in their order: each picture shows what those before have left.
COMMANDS = (
    ("help", ("--help",)),
    ("doctor", ("doctor",)),
    ("diff", ("diff", "handbook", "handbook")),
    ("sync", ("sync", "handbook", "handbook")),
    ("ls", ("ls",)),
    ("status", ("status", "handbook")),
    ("search", ("search", "handbook", "When is a refund paid?", "--limit", "2")),
    ("verify", ("verify", "handbook", "handbook")),
    ("ingest", ("ingest", "news.md", "news")),
    ("files", ("files", "--unattached", "--older-than", "0")),
)


def main() -> int:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, environment() as variables:
        folder = Path(place)
        for name, text in DOCUMENTS.items():
            (folder / "handbook" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "handbook" / name).write_text(text)
        (folder / "news.md").write_text("# News\n\nThe canteen opens at eleven.\n")
        for name, arguments in COMMANDS:
            shown = in_a_terminal(arguments, folder, variables).replace(place, "/home/me")
            written = PICTURES / f"{name}.svg"
            written.write_text(picture(arguments, shown), encoding="utf-8")
            print(written.relative_to(PICTURES.parent.parent))
    return 0


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """An emulator, and the variables by which the commands reach it."""
    emulator = Emulator(Settings(indexing="seconds:1"))
    try:
        with running(emulator) as urls:
            yield {
                "XAI_MANAGEMENT_HOST": urls.management_url,
                "XAI_API_HOST": urls.api_url,
                "XAI_MANAGEMENT_API_KEY": emulator.settings.management_key,
                "XAI_API_KEY": emulator.settings.api_key,
                **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
                "TERM": "xterm-256color",
                "COLUMNS": str(WIDTH),
            }
    finally:
        emulator.close()


def in_a_terminal(arguments: tuple[str, ...], folder: Path, variables: Mapping[str, str]) -> str:
    """Run a command in a terminal, and return what is on the screen at its end."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "airflow_provider_xai_collections.cli.main", *arguments]
    with subprocess.Popen(command, cwd=folder, env=dict(variables), stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the terminal is gone with the process
            while piece := os.read(ours, 10_000):
                shown += piece
    os.close(ours)
    lines = shown.decode().replace("\r\n", "\n")
    # A bar draws itself again and again, and takes itself away at the end.
    return re.sub(r"\x1b\[\?25l.*?\x1b\[\?25h(?:\r?\x1b\[\d*[AK])*", "", lines, flags=re.DOTALL)


def picture(arguments: tuple[str, ...], shown: str) -> str:
    """Return the picture of a terminal."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(Text(f"$ {NAME} {' '.join(f'{each!r}' if ' ' in each else each for each in arguments)}", "bold"))
    console.print(Text.from_ansi(shown.rstrip()))
    return console.export_svg(title=NAME, code_format=FORMAT, unique_id="terminal")


if __name__ == "__main__":
    sys.exit(main())
