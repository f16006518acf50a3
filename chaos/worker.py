"""``python -m chaos.worker SPEED ORIGIN EPOCH``: a process that has everything loaded and starts jobs as its children.

For each line of JSON that comes in, a child runs :func:`chaos.jobs.sync` with it; the answers are the child's id and,
when it is over, its exit status, each on a line. It ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from chaos.clock import FastClock


def main(clock: FastClock) -> None:
    clock.install()
    for module in ("airflow_provider_xai_collections.operators.sync", "chaos.jobs"):
        import_module(module)  # once for all children
    from airflow_provider_xai_collections.client.exchange import trusted_certificates
    from airflow_provider_xai_collections.hooks.lineage import record_output

    trusted_certificates()
    record_output(None, "collection_1")  # for the first asset Airflow loads what all providers say of assets
    print("ready", flush=True)
    for line in sys.stdin:
        if not (child := os.fork()):
            _become(json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(job: dict[str, Any]) -> None:
    """Run the job and end. All that is said goes into its log; nothing may return to the parent's code."""
    status = 1
    try:
        log = os.open(job.pop("log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        os.close(log)
        from chaos.jobs import sync

        result = Path(job.pop("result"))
        result.write_text(json.dumps(asdict(sync(**job))))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main(FastClock(*map(float, sys.argv[1:])))
