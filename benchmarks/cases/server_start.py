"""Cost of our pages for Airflow's API server when it starts, whether or not anybody opens them."""

from __future__ import annotations

from benchmarks.imports import costs_of
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop

#: What the API server has loaded by then.
_BEFORE = ("airflow.api_fastapi.app", "airflow.api_fastapi.core_api.app", "airflow.plugins_manager")
#: What it loads of ours: the plugin, and what tells it of the provider.
_OURS = tuple(f"airflow_provider_xai_collections.{module}" for module in ("get_provider_info", "plugin.pages"))
_GOAL = 50.0
#: Modules of ours: those two, the addresses of the pages, and the packages that they are in.
_MOST_MODULES = 6


def server_start(workshop: Workshop, *, rounds: int) -> Outcome:
    """Import what the API server loads of ours."""
    found = Outcome("Starting Airflow's API server with our pages, above starting it without")
    costs = costs_of(workshop, _BEFORE, {"ours": _OURS}, rounds)["ours"]
    # The least is what it costs; what is above it is other work on the machine.
    found.at_most("time above bare Airflow", min(each["seconds"] for each in costs) * 1000, _GOAL, " ms")
    found.exactly("different numbers of modules imported", len({each["own"] for each in costs}), 1)
    found.between("modules of ours imported", max(each["own"] for each in costs), len(_OURS), _MOST_MODULES)
    return found
