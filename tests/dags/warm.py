"""``airflow`` commands one after the other in one process. To start one takes far longer than to run most recipes.

Reads a line per command, ``{"arguments": [...], "environment": {...}}``; ends what it prints with ``END <code>``.
One command is none of Airflow's: ``undated <dag_id> <conf>`` runs a DAG as ``dags test`` does, but without a
date, which nobody can leave out on the command line.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

END = "--- the command has ended with"


UNDATED = "undated"


def run(arguments: list[str]) -> int:
    if arguments[0] == UNDATED:
        return run_undated(*arguments[1:])
    from airflow.__main__ import main

    sys.argv = ["airflow", *arguments]
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            sys.stdout.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def run_undated(dag_id: str, conf: str) -> int:
    from airflow.utils.cli import get_bagged_dag

    dag = get_bagged_dag(None, dag_id)
    for task in dag.tasks:
        task.retries = 0  # which would wait for minutes, to no purpose
    done = dag.test(logical_date=None, run_conf=json.loads(conf))
    return int(done.state != "success" or done.logical_date is not None)


if __name__ == "__main__":
    for line in sys.stdin:
        command = json.loads(line)
        os.environ.update(command["environment"])
        code = run(command["arguments"])
        sys.stderr.flush()
        sys.stdout.write(f"\n{END} {code}\n")
        sys.stdout.flush()
