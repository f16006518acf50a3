"""Import of our operators in a DAG file, which it pays for each time it is parsed; and of those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.imports import costs_of
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop

#: What the dag processor has loaded, and what a DAG file without any provider imports.
_BEFORE = (
    "airflow.dag_processing.manager",
    "airflow.providers.common.compat.sdk:DAG",
    "airflow.providers.common.compat.sdk:BaseOperator",
)
#: All our operators and sensors; a DAG file rarely imports more than two of these modules.
_OURS = tuple(
    f"airflow_provider_xai_collections.{module}"
    for module in (
        "operators.collections",
        "operators.documents",
        "operators.files",
        "operators.ingest",
        "operators.search",
        "operators.sync",
        "operators.sync_group",
        "sensors.documents",
    )
)
_PEERS = {
    "OpenAI": ("airflow.providers.openai.operators.openai",),
    "Pinecone": ("airflow.providers.pinecone.operators.pinecone",),
    "Weaviate": ("airflow.providers.weaviate.operators.weaviate",),
}
_GOAL = 15.0
#: Modules of ours that operators and sensors are made of. What does their work is imported when there is work.
_MOST_MODULES = 30


def parse_cost(workshop: Workshop, *, rounds: int, peers: bool) -> Outcome:
    """Import all our operators and sensors where Airflow parses a DAG file.

    :param peers: import those of three other providers as well, in turns with ours.
    :raises RuntimeError: there are none.
    """
    found = Outcome("Importing all our operators and sensors while a DAG file is parsed, above bare Airflow")
    costs = costs_of(workshop, _BEFORE, {"xAI Collections": _OURS, **(_PEERS if peers else {})}, rounds, peers=peers)
    # The least is what it costs; what is above it is other work on the machine.
    milliseconds = {name: min(each["seconds"] for each in several) * 1000 for name, several in costs.items()}
    found.grid(
        ("provider", f"time, least of {rounds}", f"CPU, least of {rounds}", "modules imported"),
        [
            (name, f"{milliseconds[name]:.1f} ms", f"{_cpu(several):.1f} ms", f"{several[0]['modules']:,}")
            for name, several in costs.items()
        ],
    )
    ours, *others = milliseconds.values()
    found.at_most("time above bare Airflow", ours, _GOAL, " ms")
    if others:
        found.at_most("the same ÷ that of the quickest other provider", ours / min(others), 1)
    own = {each["own"] for each in costs["xAI Collections"]}
    found.exactly("different numbers of modules imported", len(own), 1)
    found.between("modules of ours imported", max(own), len(_OURS), _MOST_MODULES)
    return found


def _cpu(several: Sequence[Mapping[str, float]]) -> float:
    return min(each["cpu"] for each in several) * 1000
