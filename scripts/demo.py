"""The demo behind `make demo`: the quickstart DAG in a real Airflow, against the emulator or against xAI itself.

Reads from the environment, where `make demo NAME=value` puts them: DOCS, a folder of your own; QUESTION; LIVE=1, to use
xAI with XAI_MANAGEMENT_API_KEY and XAI_API_KEY. Everything it writes is under .demo/. What it starts, it stops.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
CONNECTION = "AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"
STOP_SECONDS = 10


def main() -> int:
    # So that the blocks below end, and end what they started, however the demo is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    documents = Path(os.environ.get("DOCS") or ROOT).resolve()
    if not documents.is_dir():
        raise SystemExit(f"demo: DOCS={documents} is not a folder")
    conf = {
        "collection_name": f"quickstart {documents}",
        "documents": str(documents),
        "pattern": "*.md" if documents == ROOT else "*",
        "question": os.environ.get("QUESTION") or "What happens when the API answers 503?",
    }
    HOME.mkdir(exist_ok=True)
    with live() if os.environ.get("LIVE") == "1" else emulator() as connection:
        environment = {
            # Settings of another Airflow, its database above all, are none of the demo's business.
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(HOME / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
            CONNECTION: connection,
        }
        airflow = [sys.executable, "-m", "airflow"]
        prepared, pinned = HOME / "prepared", version("apache-airflow")
        if not prepared.exists() or prepared.read_text() != pinned:
            print("demo: preparing a private Airflow under .demo/ (once)", flush=True)
            shutil.rmtree(HOME / "airflow", ignore_errors=True)  # half prepared, or of another release
            with (HOME / "migrate.log").open("w") as log:
                subprocess.run([*airflow, "db", "migrate"], env=environment, stdout=log, stderr=log, check=True)
            prepared.write_text(pinned)
        print("demo: airflow dags test xai_quickstart", flush=True)
        run = [*airflow, "dags", "test", "xai_quickstart", "--conf", json.dumps(conf)]
        return subprocess.run(run, env=environment, check=False).returncode


@contextmanager
def emulator() -> Iterator[str]:
    """The emulator, with documents that outlive it; yields the connection to it."""
    command = [sys.executable, "-m", "airflow_provider_xai_collections.emulator", "--port", "0"]
    command += ["--db", str(HOME / "emulator.sqlite"), "--indexing", "seconds:2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "{" not in line:
            raise SystemExit("demo: the emulator did not start; its error is above")
        print(f"demo: {line.partition(' AIRFLOW_CONN')[0]}", flush=True)
        yield line[line.index("{") :]
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


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
