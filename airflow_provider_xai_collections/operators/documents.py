"""Operators on documents of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.airflow_errors import for_operator
from airflow_provider_xai_collections.api.flows import add_document
from airflow_provider_xai_collections.arguments import ids_of
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.manifests import DocumentsManifest
from airflow_provider_xai_collections.operators.waiting import XAIDocumentsBaseOperator


class XAIAddDocumentsOperator(XAIDocumentsBaseOperator):
    """Attach files that xAI holds already, and wait until they are processed.

    Safe to retry: a file that is attached already is recognised. Returns a manifest with counts. Takes the arguments of
    :class:`~airflow_provider_xai_collections.operators.waiting.XAIDocumentsBaseOperator` as well.

    Source: REST reference, ``POST /v1/collections/{collection_id}/documents/{file_id}``.

    :param file_ids: the files. (templated)
    :param fields: metadata for all of them, strings to strings. (templated)
    :param document_fields: metadata by file id, on top of ``fields``. (templated)
    """

    template_fields: Sequence[str] = (
        "collection_id",
        "file_ids",
        "fields",
        "document_fields",
        "team_id",
        "conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "file_ids": "json",
        "fields": "json",
        "document_fields": "json",
    }

    def __init__(
        self,
        *,
        file_ids: Sequence[str],
        fields: Mapping[str, str] | None = None,
        document_fields: Mapping[str, Mapping[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.file_ids = file_ids
        self.fields = fields
        self.document_fields = document_fields

    def execute(self, context: Context) -> dict[str, Any]:
        with for_operator(), self.hook:
            self.check_arguments()
            file_ids = ids_of("file_ids", self.file_ids)
            if not file_ids:
                raise XAIArgumentError("file_ids is empty: there is nothing to attach")
            own = self.document_fields or {}
            if strangers := sorted(own.keys() - set(file_ids)):
                raise XAIArgumentError(f"document_fields names {', '.join(strangers)}, which file_ids does not")
            flows = (
                add_document(
                    self.collection_id,
                    file_id,
                    fields={**(self.fields or {}), **own.get(file_id, {})} or None,
                    team_id=self.team,
                )
                for file_id in file_ids
            )
            added = self.run_each(file_ids, flows)
            manifest = DocumentsManifest(
                version=1,
                collection_id=self.collection_id,
                total=len(file_ids),
                added=sum(added),
                already_there=len(added) - sum(added),
            )
            return self.finish(manifest, file_ids)
