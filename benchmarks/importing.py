"""``python -m benchmarks.importing OPTIONS``: what importing modules costs a process that has loaded others before.

Airflow's dag processor loads itself once and forks a fresh process for each file; so does this. It prints the
costs as JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any


def main(before: Sequence[str], subjects: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Import the modules of each subject in a fork, so many times and in turns.

    :param before: what is loaded before: modules, or names in a module as ``module:name``, which Airflow loads when
        they are asked for.
    """
    for each in before:
        module, _, name = each.partition(":")
        loaded = importlib.import_module(module)
        if name:
            getattr(loaded, name)
    gc.freeze()  # as the dag processor does
    costs: dict[str, list[dict[str, Any]]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, modules in subjects.items():
            cost = _in_a_fork(modules)
            if number:  # the first time, files came from the disk, and may have been compiled
                costs[name].append(cost)
    return costs


def _in_a_fork(modules: Sequence[str]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(_cost_of(modules)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    cost: dict[str, Any] = json.loads(text)
    return cost


def _cost_of(modules: Sequence[str]) -> dict[str, Any]:
    before = set(sys.modules)
    began, cpu = time.perf_counter(), time.process_time()
    for module in modules:
        importlib.import_module(module)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    new = sys.modules.keys() - before
    package = modules[0].partition(".")[0]
    return {
        "seconds": seconds,
        "cpu": cpu,
        "modules": len(new),
        "own": sum(name.partition(".")[0] == package for name in new),
    }


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(sys.argv[1]))))
