"""``@task.xai_ingest``: a function returns documents, the task ingests them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
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
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.mapped import MAP_INDEX_TEMPLATE
from airflow_provider_xai_collections.sources.content import Content

if TYPE_CHECKING:
    from airflow_provider_xai_collections.sources.items import Source
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.sync.engine import Engine
    from airflow_provider_xai_collections.sync.manifest import Handover

__all__ = ["Content", "XAIIngestDecoratedOperator", "xai_ingest_task"]

#: The XCom with the documents of a function, for when the task goes on after a wait in the triggerer.
KEY = "xai_documents"


class XAIIngestDecoratedOperator(DecoratedOperator, XAIIngestDocumentsOperator):
    """Ingest what a function returns; see :func:`xai_ingest_task`.

    The other arguments are those of the operator that ingests files, but for ``paths``.

    :param python_callable: the function.
    :param op_args: its positional arguments. (templated)
    :param op_kwargs: its keyword arguments. (templated)
    """

    custom_operator_name = "@task.xai_ingest"
    own_fields = True
    template_fields: Sequence[str] = (
        *(name for name in XAIIngestDocumentsOperator.template_fields if name != "paths"),
        *DecoratedOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **XAIIngestDocumentsOperator.template_fields_renderers,
        **DecoratedOperator.template_fields_renderers,
    }

    def __init__(
        self, *, python_callable: Callable[..., Any], op_args: Any = None, op_kwargs: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, paths=(), **kwargs)

    @property
    def batch_name(self) -> str:
        """The name of a mapped task: after its function's arguments."""
        from airflow_provider_xai_collections.tables import batch_name

        return batch_name([*self.op_args, *self.op_kwargs.values()])

    @property
    def is_async(self) -> bool:
        """``False``: Airflow would await the whole task for an asynchronous function, which :meth:`files` refuses."""
        return False

    def files(self, context: Context) -> Source:
        """Call the function, and return what it returns as a source."""
        from airflow_provider_xai_collections.sources.contents import Contents

        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        contents, paths = by_kind(self.python_callable(*self.op_args, **kwargs))
        files = self.files_at(paths) if paths else None
        return Contents(contents, base_uri=f"airflow://{self.dag_id}/{self.task_id}", limit=self.limit, others=files)

    def before_deferral(self, context: Context, engine: Engine) -> None:
        """Keep the documents of the function, without their content: it is called once per try."""
        items = (replace(row.item, content_hash=row.content_hash) for row in engine.rows.values() if row.item)
        context["ti"].xcom_push(key=KEY, value=[item.dump() for item in items])

    def files_again(self, context: Context, before: Handover) -> Source:
        """Return the documents that the function has returned before the wait."""
        from airflow_provider_xai_collections.sources.contents import Remembered
        from airflow_provider_xai_collections.sources.items import SourceItem

        ti = context["ti"]
        kept = ti.xcom_pull(task_ids=ti.task_id, key=KEY, map_indexes=ti.map_index)
        return Remembered([SourceItem(**item) for item in kept or ()], roots=before.manifest.sources)


def xai_ingest_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """Ingest what a function returns, paths or names with text or bytes: ``@task.xai_ingest(collection_name=...)``.

    The function returns paths (files, folders, globs, ``ObjectStoragePath``), :class:`Content` (a name with text or
    bytes), or several of either. The task ingests them as ``XAIIngestDocumentsOperator`` does and returns its manifest;
    what the function returned is in no XCom, but for names and hashes where the task is deferred. It is called once per
    try, not again after a deferral.

    Without a ``uri``, a content's identity is ``airflow://<dag_id>/<task_id>/<name>``: the next run with other data
    under the same name adds a version.

    :param python_callable: the function.
    :param kwargs: of the task: those of ``XAIIngestDocumentsOperator`` apart from ``paths``, and Airflow's.
    """
    kwargs.setdefault("map_index_template", MAP_INDEX_TEMPLATE)
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=XAIIngestDecoratedOperator,
        **kwargs,
    )


def by_kind(returned: Any) -> tuple[list[Content], list[AnyPath]]:
    """Sort what a function returned into contents and paths; refuse anything else, and nothing."""
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
