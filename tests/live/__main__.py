"""Play on the real service: ``python -m tests.live``, or ``make test-live``.

Reads XAI_MANAGEMENT_API_KEY and XAI_API_KEY from the environment. It makes collections and files with names of its own,
deletes them in the end, and keeps to a budget of a few cents. Exit status 1: something is not as expected.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from airflow_provider_xai_collections.client.settings import ClientSettings

from .masking import KEY, Mask, masked_terminal

KEYS = ("XAI_MANAGEMENT_API_KEY", "XAI_API_KEY")
REPORT = Path(__file__).resolve().parents[2] / ".live" / "report.md"
CONNECTION = "xai_live"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write the report, print it."""
    options = _parser().parse_args(arguments)
    if missing := [name for name in KEYS if not os.environ.get(name, "").strip()]:
        print(f"test-live: set {' and '.join(missing)}: it asks the real service, and needs both keys", file=sys.stderr)
        return 2
    keys = [os.environ[name].strip() for name in KEYS]
    if odd := [name for name, key in zip(KEYS, keys, strict=True) if not KEY.fullmatch(key)]:
        print(f"test-live: {' and '.join(odd)}: a key has letters, digits and . : = + ~ _ - in it", file=sys.stderr)
        return 2
    # Before Airflow is imported, whose logs take the terminal as they find it.
    with masked_terminal(mask := Mask(keys)):
        return _run(options, keys, mask)


def _run(options: argparse.Namespace, keys: Sequence[str], mask: Mask) -> int:
    # Importing them makes an Airflow home of the tests' own and takes the user's settings out of the environment.
    from tests.operators import stage  # noqa: F401

    from .meter import Budget, Meter
    from .playing import clear, play

    extra = {"api_key": keys[1], "api_host": options.api_host}
    connection = {"conn_type": "xai_collections", "host": options.host, "password": keys[0], "extra": extra}
    os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(connection)
    meter = Meter(Budget())
    # So that what has been made is deleted, however the run is stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: meter.end(128 + number))
    if options.clear:
        deleted, left = clear(CONNECTION, meter)
        print(f"test-live: {deleted} collections and files of earlier runs deleted", *left, sep="\nleft behind: ")
        return bool(left)
    print(f"test-live: at most {meter.budget}")
    with tempfile.TemporaryDirectory() as folder:
        outcome = play(CONNECTION, Path(folder), meter, poll_interval=options.poll_interval)
    report = mask(outcome.report(" and ".join(dict.fromkeys((options.host, options.api_host)))))
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(report)
    print(report, f"test-live: the report is in {options.report}", *outcome.wrong, sep="\n")
    return bool(outcome.wrong)


def _parser() -> argparse.ArgumentParser:
    defaults = ClientSettings()
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--host", default=defaults.management.url, help="of collections; an emulator's, to try this")
    parser.add_argument("--api-host", default=defaults.api.url, help="of files and search")
    parser.add_argument("--poll-interval", type=float, default=5.0, help="seconds between two polls")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write the report")
    parser.add_argument("--clear", action="store_true", help="only delete what runs that were killed have left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
