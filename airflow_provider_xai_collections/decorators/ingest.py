"""``@task.xai_ingest``: a function says which documents, the task brings them into a collection."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    Context,
    DecoratedOperator,
    TaskDecorator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)

from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.ingestion import XAIIngestBaseOperator
from airflow_provider_xai_collections.operators.waiting import MAP_INDEX_TEMPLATE
from airflow_provider_xai_collections.sources.content import Content

if TYPE_CHECKING:
    from airflow_provider_xai_collections import tables
    from airflow_provider_xai_collections.api.planning import SourceDocument
    from airflow_provider_xai_collections.sources import choice, finding, reading
    from airflow_provider_xai_collections.sources.paths import AnyPath
else:
    choice = later("sources.choice")
    finding = later("sources.finding")
    reading = later("sources.reading")
    tables = later("tables")

__all__ = ["Content", "XAIIngestDecoratedOperator", "xai_ingest_task"]


class XAIIngestDecoratedOperator(DecoratedOperator, XAIIngestBaseOperator):
    """Ingests what a function returns; see :func:`xai_ingest_task`.

    :param python_callable: the function.
    :param op_args: its positional arguments. (templated)
    :param op_kwargs: its keyword arguments. (templated)
    :param follow_links: take what links lead to that leave a folder which the function returns; otherwise the task
        refuses them by name.
    """

    custom_operator_name = "@task.xai_ingest"
    template_fields: Sequence[str] = (
        "collection_id",
        "fields",
        "scope",
        "team_id",
        "conn_id",
        *DecoratedOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **XAIIngestBaseOperator.template_fields_renderers,
        **DecoratedOperator.template_fields_renderers,
    }

    def __init__(self, *, follow_links: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.follow_links = follow_links

    @property
    def batch_name(self) -> str:
        """What a mapped task is called in the UI: after its function's arguments."""
        return tables.batch_name([*self.op_args, *self.op_kwargs.values()])

    @property
    def is_async(self) -> bool:
        """Airflow would await the whole task for an asynchronous function, which :meth:`read` refuses."""
        return False

    def read(self, context: Context, limit: int) -> list[SourceDocument]:
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        contents, paths = _sorted(self.python_callable(*self.op_args, **kwargs))
        sources = reading.read_contents(contents, base_uri=f"airflow://{self.dag_id}/{self.task_id}", limit=limit)
        if paths:
            files = finding.find_files(paths, choice.Choice(follow_links=self.follow_links))
            sources += reading.read_sources(files, limit=limit, concurrency=self.concurrency)
        reading.refuse_twins(sources)
        return sources


def xai_ingest_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """Ingest what a function returns, paths or names with text or bytes: ``@task.xai_ingest(collection_id=...)``.

    The function returns paths (files, folders, globs, ``ObjectStoragePath``), :class:`Content` (a name with text or
    bytes), or several of either. The task ingests them as ``XAIIngestDocumentsOperator`` does and returns its manifest;
    what the function returned is in no XCom. It is called once per try, not again after a deferral.

    Without a ``uri``, a content's identity is ``airflow://<dag_id>/<task_id>/<name>``: the next run with other data
    under the same name adds a version.

    :param python_callable: the function.
    :param kwargs: of the task: those of ``XAIIngestDocumentsOperator`` apart from ``paths``, ``pattern`` and
        ``exclude``, and Airflow's.
    """
    kwargs.setdefault("map_index_template", MAP_INDEX_TEMPLATE)
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=XAIIngestDecoratedOperator,
        **kwargs,
    )


def _sorted(returned: Any) -> tuple[list[Content], list[AnyPath]]:
    """What a function returned, by kind.

    :raises XAIArgumentError: it is something else, or nothing.
    """
    several = isinstance(returned, Iterable) and not isinstance(returned, str | bytes | os.PathLike | Mapping)
    items = list(returned) if several and not hasattr(returned, "protocol") else [returned]
    for item in items:
        if not (isinstance(item, Content | str | os.PathLike) or hasattr(item, "protocol")):
            raise XAIArgumentError(
                f"the function returned {'a list with ' if several else ''}{type(item).__name__}. It must be an "
                "ordinary function that returns paths, Content(name=..., data=...), or a list of either"
            )
    if not items:
        raise XAIArgumentError("the function returned no document. Raise AirflowSkipException if that is as it should")
    contents = [item for item in items if isinstance(item, Content)]
    return contents, [item for item in items if not isinstance(item, Content)]
