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
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from airflow_provider_xai_collections.client.settings import ClientSettings

from .masking import Mask, masked_terminal

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
    # Before Airflow is imported, whose logs take the terminal as they find it.
    with masked_terminal(mask := Mask(keys)):
        return _run(options, keys, mask)


def _run(options: argparse.Namespace, keys: Sequence[str], mask: Mask) -> int:
    # Importing them makes an Airflow home of the tests' own and takes the user's settings out of the environment.
    from tests.operators import stage  # noqa: F401

    from .meter import Budget, Meter, metered
    from .place import at
    from .playing import play
    from .report import written
    from .tidying import clear

    os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(connection(options.host, options.api_host, *keys))
    meter = Meter(Budget(), mask)
    # So that what has been made is deleted, however the run is stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: meter.end(128 + number))
    times = {"poll_interval": options.poll_interval, "patience": options.patience}
    with tempfile.TemporaryDirectory() as folder:
        if options.clear:
            with metered(meter), at(CONNECTION, meter, Path(folder), **times) as live:
                cleared = clear(live.hook, meter)
            said = f"test-live: {cleared.deleted} collections and files of earlier runs deleted"
            print(said, *(f"left behind: {one}" for one in cleared.left), sep="\n")
            return bool(cleared.left)
        outcome = play(CONNECTION, Path(folder), meter, **times)
    where = " and ".join(dict.fromkeys((options.host, options.api_host)))
    print(written(options.report, outcome, where=where, when=time.strftime("%Y-%m-%d", time.gmtime())))
    print(f"test-live: the report is in {options.report}", *outcome.wrong, sep="\n")
    return bool(outcome.wrong)


def connection(host: str, api_host: str, management_key: str, api_key: str) -> Mapping[str, object]:
    """Return the Airflow connection, as JSON takes it."""
    extra = {"api_key": api_key, "api_host": api_host}
    return {"conn_type": "xai_collections", "host": host, "password": management_key, "extra": extra}


def _parser() -> argparse.ArgumentParser:
    defaults = ClientSettings()
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--host", default=defaults.management.url, help="of collections; an emulator's, to try this")
    parser.add_argument("--api-host", default=defaults.api.url, help="of files and search")
    parser.add_argument("--poll-interval", type=float, default=5.0, help="seconds between two polls")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds that indexing may take")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write the report")
    parser.add_argument("--clear", action="store_true", help="only delete what runs that were killed have left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
