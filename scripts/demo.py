"""The demo behind `make demo`: the quickstart DAG in a real Airflow, against the emulator or against xAI itself.

Reads from the environment, where `make demo NAME=value` puts them: DOCS, a folder of your own; QUESTION; PATTERN and
EXCLUDE, patterns of the files to take and to leave out, separated by commas; LIVE=1, to use xAI with
XAI_MANAGEMENT_API_KEY and XAI_API_KEY. Everything it writes is under .demo/. What it starts, it stops.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
LOG = HOME / "run.log"
CONNECTION = "AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"
STOP_SECONDS = 10


def main() -> int:
    # So that the blocks below end, and end what they started, however the demo is stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    params = params_of(os.environ)
    HOME.mkdir(exist_ok=True)
    with live() if os.environ.get("LIVE") == "1" else emulator() as connection:
        environment = {
            # Settings of another Airflow, its database above all, are none of the demo's business.
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(HOME / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__JSON_LOGS": "True",  # which tells them from what the DAG prints
            "PYTHONWARNINGS": "ignore",
            CONNECTION: connection,
        }
        prepare(environment)
        print("demo: airflow dags test xai_quickstart\n", flush=True)
        return run(params, environment)


def params_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the DAG's run.

    :raises SystemExit: DOCS is no folder.
    """
    documents = Path(environment.get("DOCS") or ROOT).expanduser().resolve()
    if not documents.is_dir():
        raise SystemExit(f"demo: DOCS={documents} is not a folder")
    ours = documents == ROOT
    return {
        "collection_name": f"quickstart {documents}",
        "documents": str(documents),
        "pattern": patterns(environment.get("PATTERN", "")) or ("*.md" if ours else "*"),
        "exclude": patterns(environment.get("EXCLUDE", "")),
        "question": environment.get("QUESTION")
        or ("What happens when the API answers 503?" if ours else "What are these documents about?"),
    }


def patterns(text: str) -> str:
    """Patterns separated by commas, as the DAG takes them: one as it is, several as the text of a list. Commas in
    braces belong to the pattern."""
    several = [stripped for one in re.split(r",(?![^{}]*\})", text) if (stripped := one.strip())]
    return str(several) if len(several) > 1 else "".join(several)


def prepare(environment: Mapping[str, str]) -> None:
    """Make the demo's Airflow, unless it is there.

    :raises SystemExit: that failed.
    """
    prepared, pinned = HOME / "prepared", version("apache-airflow")
    if prepared.exists() and prepared.read_text() == pinned:
        return
    print("demo: preparing a private Airflow under .demo/ (once)", flush=True)
    shutil.rmtree(HOME / "airflow", ignore_errors=True)  # half prepared, or of another release
    log = HOME / "migrate.log"
    with log.open("w") as out, started("db", "migrate", environment=environment, stdout=out, stderr=out) as process:
        if process.wait():
            raise SystemExit(f"demo: Airflow's database could not be made; see {log}")
    prepared.write_text(pinned)


def run(params: Mapping[str, str], environment: Mapping[str, str]) -> int:
    """Run the DAG, and show what it prints and nothing of what Airflow logs.

    :raises SystemExit: it failed, with the reason.
    """
    arguments = ("dags", "test", "xai_quickstart", "--conf", json.dumps(params))
    with LOG.open("w") as log:
        with started(*arguments, environment=environment, stdout=subprocess.PIPE, stderr=log) as process:
            reason = show(process.stdout or (), log)
            failed = process.wait() != 0
    if failed:
        raise SystemExit(f"demo: {reason or 'the run failed'}\ndemo: the whole log is {LOG}")
    return 0


def show(lines: Iterable[str], log: TextIO) -> str:
    """Print what is no log record, write all to ``log``, and return the reason of the last error."""
    reason = ""
    for line in lines:
        log.write(line)
        if (record := record_of(line)) is None:
            print(line, end="", flush=True)
        else:
            reason = reason_of(record) or reason
    return reason


def record_of(line: str) -> dict[str, Any] | None:
    """The log record that a line is, if it is one."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None


def reason_of(record: Mapping[str, Any]) -> str:
    """The text of the exception in a log record."""
    exceptions = record.get("exception")  # the one that was raised, then those that caused it
    return str(exceptions[0].get("exc_value", "")) if isinstance(exceptions, list) and exceptions else ""


@contextmanager
def started(*arguments: str, environment: Mapping[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """An ``airflow`` command, which is ended with the block."""
    with ended([sys.executable, "-m", "airflow", *arguments], env=environment, **options) as process:
        yield process


@contextmanager
def ended(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    process = subprocess.Popen(command, text=True, errors="replace", **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def emulator() -> Iterator[str]:
    """The emulator, with documents that outlive it; yields the connection to it."""
    command = [sys.executable, "-m", "airflow_provider_xai_collections.emulator", "--port", "0"]
    command += ["--db", str(HOME / "emulator.sqlite"), "--indexing", "seconds:2"]
    with ended(command, stdout=subprocess.PIPE) as process:
        said = iter(process.stdout or ())
        first = next(said, "")
        export = next((line for line in said if line.startswith("export ")), "")
        if not export:
            raise SystemExit("demo: the emulator did not start; its error is above")
        print(f"demo: {first}", end="", flush=True)
        _, assignment = shlex.split(export)
        yield assignment.removeprefix(f"{CONNECTION}=")


@contextmanager
def live() -> Iterator[str]:
    """The real service; yields the connection to it."""
    missing = [name for name in ("XAI_MANAGEMENT_API_KEY", "XAI_API_KEY") if not os.environ.get(name)]
    if missing:
        raise SystemExit(f"demo: LIVE=1 needs {' and '.join(missing)} in the environment")
    print("demo: using xAI itself. This path has not been tried against the live service yet.", flush=True)
    keys = {"password": os.environ["XAI_MANAGEMENT_API_KEY"], "extra": {"api_key": os.environ["XAI_API_KEY"]}}
    yield json.dumps({"conn_type": "xai_collections", **keys})


if __name__ == "__main__":
    sys.exit(main())
