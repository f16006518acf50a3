"""Lineage of a task, in OpenLineage's classes.

The only module that imports the OpenLineage provider, which users may not have. It is imported only inside the methods
that this provider calls.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow.providers.common.compat.openlineage.facet import (
    Dataset,
    InputDataset,
    LifecycleStateChange,
    LifecycleStateChangeDatasetFacet,
    OutputDataset,
    OutputStatisticsOutputDatasetFacet,
    RunFacet,
)
from airflow.providers.openlineage.extractors import OperatorLineage
from attrs import define

from airflow_provider_xai_collections.lineage.places import dataset_name
from airflow_provider_xai_collections.manifests.base import TaskResult

#: The key of our run facet.
FACET = "xai_collections"
#: Beginning of the URIs of what a task makes itself: they name no source.
_OWN = "airflow://"


@define
class XAICollectionsRunFacet(RunFacet):
    """Counts of what a task did to a collection. The schema is that of any run facet: ours is published nowhere."""

    collection_id: str
    counts: dict[str, int]


def read_from(uris: Iterable[str]) -> OperatorLineage[Dataset, RunFacet]:
    """Return the lineage of a task that only reads."""
    return OperatorLineage(inputs=_inputs(uris))


def written_to(collection_uri: str | None, report: TaskResult | None) -> OperatorLineage[Dataset, RunFacet]:
    """Return the lineage of a task that changes a collection; ``None`` for what is not known yet."""
    if collection_uri is None:
        return OperatorLineage()
    collection = dataset_of(collection_uri)
    output = OutputDataset(collection.namespace, collection.name)
    if report is None:
        return OperatorLineage(outputs=[output])
    counts = report.all_counts
    if "added" in report.counts:
        statistics = OutputStatisticsOutputDatasetFacet(fileCount=counts["added"], size=counts["bytes"])
        output.outputFacets = {"outputStatistics": statistics}
    if report.state_change:
        change = LifecycleStateChangeDatasetFacet(lifecycleStateChange=LifecycleStateChange(report.state_change))
        output.facets = {"lifecycleStateChange": change}
    return OperatorLineage(
        inputs=_inputs(report.source_uris),
        outputs=[output],
        run_facets={FACET: XAICollectionsRunFacet(collection_id=report.collection_id, counts=counts)},
    )


def dataset_of(uri: str) -> Dataset:
    """Return an asset's URI as a dataset."""
    namespace, name = dataset_name(uri) or ("", uri)
    return Dataset(namespace, name)


def _inputs(uris: Iterable[str]) -> list[Dataset]:
    names = (dataset_name(uri) for uri in uris if not uri.startswith(_OWN))
    return [InputDataset(*name) for name in names if name is not None]
