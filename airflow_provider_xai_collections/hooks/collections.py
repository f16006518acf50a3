"""The hook: every call of xAI's Collections API, with the keys of an Airflow connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias

from airflow_provider_xai_collections.api import endpoints, ensuring, flows
from airflow_provider_xai_collections.api.collections import Collection, ManagementKey
from airflow_provider_xai_collections.api.content_types import type_to_send
from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.documents import Document, UploadedDocument
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, File
from airflow_provider_xai_collections.api.identity import text_fields
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import A, Endpoint, Flow, Host, Request, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.api.wire import Part
from airflow_provider_xai_collections.arguments import (
    definitions_of,
    grouping_of,
    ids_of,
    strings_by_key,
    strings_of,
)
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.exceptions import XAICredentialError, XAIError
from airflow_provider_xai_collections.hooks.base import XAIConnectedHook
from airflow_provider_xai_collections.hooks.forms import field_behaviour, form_widgets
from airflow_provider_xai_collections.hooks.lineage import record_input, record_output
from airflow_provider_xai_collections.hooks.progress import ProgressMeter, warn_of_doubts
from airflow_provider_xai_collections.manifests.progress import Stage
from airflow_provider_xai_collections.sources.paths import AnyPath
from airflow_provider_xai_collections.sources.reading import head_of, upload_of

Body: TypeAlias = Part | Mapping[str, Any]


class XAICollectionsHook(XAIConnectedHook):
    """Make every call of xAI's Collections API, in tasks and in the triggerer.

    Arguments are named and spelled as on the wire; answers are typed models (``api/``); a part of a body may be given
    as its model or as a dictionary. ``team_id`` defaults to the connection's, else to the key's own. Lists walk all
    pages: their ``limit`` is the size of a page (1 to 100, default 100), not of the result.

    Reads are retried, writes only where that cannot do the work twice. Every method may raise the errors of
    ``exceptions``: a write also ``XAIOutcomeUnknownError``; before anything is sent, ``XAIArgumentError`` or
    ``XAICredentialError``.

    Airflow's collector of lineage gets what ``upload_file``, ``upload_document`` and ``add_document`` do.

    :param conn_id: the connection: password = management key, extra ``api_key`` = API key.
    """

    # Airflow reads these two from this very class.

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extras of the connection form, for Airflow before 3.2."""
        return form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the other fields of the connection form, for Airflow before 3.2."""
        return field_behaviour()

    # Collections. Source: REST reference, /v1/collections

    def create_collection(
        self,
        *,
        collection_name: str,
        team_id: str | None = None,
        index_configuration: Body | None = None,
        chunk_configuration: Body | None = None,
        metric_space: str | None = None,
        field_definitions: Sequence[Body] | None = None,
        collection_description: str | None = None,
    ) -> Collection:
        """Create a collection. Names are not unique; :meth:`ensure_collection` creates only what is not there."""
        return self._call(
            endpoints.CREATE_COLLECTION,
            collection_name=collection_name,
            team_id=self._team(team_id),
            index_configuration=index_configuration,
            chunk_configuration=chunk_configuration,
            metric_space=metric_space,
            field_definitions=_definitions("field_definitions", field_definitions),
            collection_description=collection_description,
        )

    def list_collections(
        self,
        *,
        team_id: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        sort_by: str | None = None,
        pagination_token: str | None = None,
        filter: str | None = None,
    ) -> list[Collection]:
        """List collections, from ``pagination_token`` on if given.

        :raises XAIIncompleteListError: the service may not have shown all of them.
        """
        return self.run(
            flows.list_all(
                endpoints.LIST_COLLECTIONS,
                team_id=self._team(team_id),
                limit=limit,
                order=order,
                sort_by=sort_by,
                pagination_token=pagination_token,
                filter=filter,
            )
        )

    def get_collection(self, *, collection_id: str, team_id: str | None = None) -> Collection:
        """Describe a collection."""
        return self._call(endpoints.GET_COLLECTION, collection_id=collection_id, team_id=self._team(team_id))

    def update_collection(
        self,
        *,
        collection_id: str,
        team_id: str | None = None,
        collection_name: str | None = None,
        chunk_configuration: Body | None = None,
        field_definition_updates: Sequence[Body] | None = None,
        collection_description: str | None = None,
    ) -> Collection:
        """Change a collection. Deleting a field definition erases its value from every document."""
        return self._call(
            endpoints.UPDATE_COLLECTION,
            collection_id=collection_id,
            team_id=self._team(team_id),
            collection_name=collection_name,
            chunk_configuration=chunk_configuration,
            field_definition_updates=_definitions("field_definition_updates", field_definition_updates),
            collection_description=collection_description,
        )

    def delete_collection(self, *, collection_id: str, team_id: str | None = None) -> bool:
        """Delete a collection; its files stay. Returns ``False`` if it was not there."""
        return self.run(flows.delete_collection(collection_id, team_id=self._team(team_id)))

    def find_collections(self, *, collection_name: str, team_id: str | None = None) -> list[Collection]:
        """Return the collections called exactly ``collection_name``; there may be several."""
        return self.run(ensuring.find_collections(collection_name, team_id=self._team(team_id)))

    def ensure_collection(
        self,
        *,
        collection_name: str,
        team_id: str | None = None,
        index_configuration: Body | None = None,
        chunk_configuration: Body | None = None,
        metric_space: str | None = None,
        field_definitions: Sequence[Body] | None = None,
        collection_description: str | None = None,
    ) -> Collection:
        """Return the collection of that name, creating it with these settings if there is none.

        :raises XAIAmbiguousNameError: several collections have the name.
        """
        ensured = self.run(
            ensuring.ensure_collection(
                collection_name,
                team_id=self._team(team_id),
                index_configuration=index_configuration,
                chunk_configuration=chunk_configuration,
                metric_space=metric_space,
                field_definitions=_definitions("field_definitions", field_definitions),
                collection_description=collection_description,
            )
        )
        return ensured.collection

    # Documents. Source: REST reference, /v1/collections/{collection_id}/documents

    def add_document(
        self,
        *,
        collection_id: str,
        file_id: str,
        team_id: str | None = None,
        fields: Mapping[str, str] | None = None,
        declare_fields: bool = True,
    ) -> bool:
        """Attach an uploaded file. Returns ``False`` if it was attached already; a lost answer is looked up.

        :param fields: metadata, strings to strings.
        :param declare_fields: declare those that the collection does not define yet, as optional and not unique: xAI
            refuses documents with others. ``False`` refuses them here, by name.
        :raises XAIConflictError: a unique value is taken, or the file is attached with other ``fields``.
        :raises XAIArgumentError: a field is not defined, with ``declare_fields=False``.
        """
        own = strings_by_key("fields", fields)
        self._declare(collection_id, own, team_id=team_id, may_declare=declare_fields)
        flow = flows.add_document(collection_id, file_id, fields=own or None, team_id=self._team(team_id))
        added = self.run(flow)
        record_output(self, collection_id)
        return added

    def upload_document(
        self,
        *,
        collection_id: str,
        path: AnyPath,
        name: str | None = None,
        content_type: str | None = None,
        fields: Mapping[str, str] | None = None,
        declare_fields: bool = True,
    ) -> UploadedDocument:
        """Upload and attach in one call (at most 100 MB), which carries a content type. Source: metadata guide.

        :param path: a local path or an ``ObjectStoragePath``; it is streamed, and read again for a retry.
        :param name: the name xAI stores; the path's by default.
        :param content_type: by default, what the name and the first bytes promise.
        :param fields: metadata, strings to strings.
        :param declare_fields: as of :meth:`add_document`.
        :raises XAIUnfitDocumentError: it is empty or too large, or, without ``content_type``, of a type that xAI does
            not list as supported.
        """
        upload = upload_of(path, name, limit=MAX_DOCUMENT_BYTES)
        content_type = content_type or type_to_send(upload.filename, head_of(path))
        own = None if fields is None else strings_by_key("fields", fields)
        self._declare(collection_id, own, may_declare=declare_fields)
        document = self._call(
            endpoints.UPLOAD_DOCUMENT,
            collection_id=collection_id,
            name=upload.filename,
            content_type=content_type,
            fields=own,
            upload=upload,
        )
        record_input(self, path)
        record_output(self, collection_id)
        return document

    def list_documents(
        self,
        *,
        collection_id: str,
        team_id: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        sort_by: str | None = None,
        pagination_token: str | None = None,
        filter: str | None = None,
        name: str | None = None,
    ) -> list[Document]:
        """List the documents of a collection. For very large ones see :meth:`iter_documents`.

        :raises XAIIncompleteListError: the service may not have shown all of them.
        """
        return list(
            self.iter_documents(
                collection_id=collection_id,
                team_id=team_id,
                limit=limit,
                order=order,
                sort_by=sort_by,
                pagination_token=pagination_token,
                filter=filter,
                name=name,
            )
        )

    def iter_documents(
        self,
        *,
        collection_id: str,
        team_id: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        sort_by: str | None = None,
        pagination_token: str | None = None,
        filter: str | None = None,
        name: str | None = None,
    ) -> Iterator[Document]:
        """Iterate over the documents of a collection, a page at a time: of those before, memory keeps only the ids.

        :raises XAIIncompleteListError: at the end, if the service may not have shown all of them.
        """
        pages: flows.Pages[Document] = flows.Pages(
            endpoints.LIST_DOCUMENTS,
            collection_id=collection_id,
            team_id=self._team(team_id),
            limit=limit,
            order=order,
            sort_by=sort_by,
            pagination_token=pagination_token,
            filter=filter,
            name=name,
        )
        while (request := pages.next_request()) is not None:
            yield from pages.add_page(self.run(call(request)))

    def get_document(self, *, collection_id: str, file_id: str, team_id: str | None = None) -> Document:
        """Describe a document."""
        return self._call(
            endpoints.GET_DOCUMENT, collection_id=collection_id, file_id=file_id, team_id=self._team(team_id)
        )

    def reindex_document(self, *, collection_id: str, file_id: str, team_id: str | None = None) -> None:
        """Regenerate a document's index, after a change of chunking for instance."""
        self._call(
            endpoints.REINDEX_DOCUMENT, collection_id=collection_id, file_id=file_id, team_id=self._team(team_id)
        )

    def remove_document(self, *, collection_id: str, file_id: str, team_id: str | None = None) -> bool:
        """Detach a document; its file stays, and is billed. Returns ``False`` if it was not there."""
        return self.run(flows.remove_document(collection_id, file_id, team_id=self._team(team_id)))

    def batch_get_documents(
        self, *, collection_id: str, file_ids: Sequence[str] | Set[str], team_id: str | None = None
    ) -> list[Document]:
        """Describe many documents. Ids that the collection does not have are left out."""
        return self.run(
            flows.batch_get_documents(collection_id, ids_of("file_ids", file_ids), team_id=self._team(team_id))
        )

    def wait_for_documents(
        self,
        *,
        collection_id: str,
        file_ids: Sequence[str] | Set[str] | None = None,
        filter: str | None = None,
        team_id: str | None = None,
        timeout: Duration = 3600.0,
        poll_interval: Duration = 15.0,
    ) -> WaitResult:
        """Wait until documents are processed, failed or missing, and say which are which.

        :param file_ids: the documents. ``None``: the documents of the collection that are not processed yet; if the
            service names none, all of them.
        :param filter: with ``file_ids=None``, only those that match.
        :param timeout: how long to wait, as a ``timedelta`` or in seconds.
        :param poll_interval: the longest pause between two polls.
        """
        rules = WaitRules(
            deadline=time.time() + seconds("timeout", timeout),
            poll_interval=seconds("poll_interval", poll_interval),
        )
        return self.run(self.waiting(collection_id, file_ids, rules, filter=filter, team_id=self._team(team_id)))

    def waiting(
        self,
        collection_id: str,
        file_ids: Sequence[str] | Set[str] | None,
        rules: WaitRules,
        *,
        filter: str | None = None,
        team_id: str | None = None,
        progress: ProgressMeter | None = None,
        on_progress: Callable[[Poller], None] = lambda poller: None,
    ) -> Flow[WaitResult]:
        """Return the wait as a flow that tells ``progress`` how far it is, by default in the log.

        :param on_progress: called after each poll.
        """
        meter = progress or ProgressMeter(self.log, collection_id, stage=Stage.INDEXING)
        if file_ids is None:
            poller = yield from flows.watched_collection(collection_id, rules, filter=filter, team_id=team_id)
        else:
            poller = Poller(ids_of("file_ids", file_ids), rules)

        def after_poll(poller: Poller) -> None:
            meter.polled(poller)
            on_progress(poller)

        result = yield from flows.wait_for_documents(collection_id, poller, team_id=team_id, on_progress=after_poll)
        warn_of_doubts(self.log, result.doubts, len(result.doubts))
        return result

    # Files. Source: REST reference, /v1/files

    def upload_file(
        self,
        *,
        path: AnyPath,
        filename: str | None = None,
        expires_after: int | None = None,
        purpose: str | None = "assistants",
    ) -> File:
        """Upload a file (at most 50 MB). Each call makes a new one.

        For PDF and Office documents use :meth:`upload_document`: of files uploaded here, xAI has been seen to index raw
        bytes, or nothing.

        :param path: a local path or an ``ObjectStoragePath``; it is streamed, and read again for a retry.
        :param filename: the name xAI stores; the path's by default.
        :param expires_after: seconds until xAI deletes it, 3,600 to 2,592,000; ``None`` keeps it.
        :param purpose: ignored by the service.
        """
        file = self._call(
            endpoints.UPLOAD_FILE, upload=upload_of(path, filename), expires_after=expires_after, purpose=purpose
        )
        record_input(self, path)
        return file

    def get_file(self, *, file_id: str) -> File:
        """Describe a file."""
        return self._call(endpoints.GET_FILE, file_id=file_id)

    def list_files(
        self,
        *,
        limit: int | None = None,
        order: str | None = None,
        sort_by: str | None = None,
        pagination_token: str | None = None,
        filter: str | None = None,
    ) -> list[File]:
        """List the team's files.

        :raises XAIIncompleteListError: the service may not have shown all of them. It has been seen to send the first
            page of files again and again: there, a filter that matches fewer than ``limit`` files helps.
        """
        return self.run(
            flows.list_all(
                endpoints.LIST_FILES,
                limit=limit,
                order=order,
                sort_by=sort_by,
                pagination_token=pagination_token,
                filter=filter,
            )
        )

    def delete_file(self, *, file_id: str) -> bool:
        """Delete a file. Returns ``False`` if it was not there."""
        return self.run(flows.delete_file(file_id))

    # Search. Source: REST reference, POST /v1/documents/search

    def search_documents(
        self,
        *,
        query: str,
        collection_ids: Sequence[str] | Set[str],
        filter: str | None = None,
        limit: int | None = None,
        instructions: str | None = None,
        retrieval_mode: Body | None = None,
        group_by: Body | None = None,
    ) -> list[SearchMatch]:
        """Search collections; the best passages first.

        :param limit: number of passages; the service's default is 10.
        :param filter: an AIP-160 expression over the documents' fields.
        :param retrieval_mode: ``{"type": "hybrid" | "semantic" | "keyword"}``.
        :param group_by: ``{"keys": [...]}``.
        """
        results = self._call(
            endpoints.SEARCH_DOCUMENTS,
            query=query,
            source={"collection_ids": strings_of("collection_ids", collection_ids, "collection ids (collection_…)")},
            filter=filter,
            limit=limit,
            instructions=instructions,
            retrieval_mode=retrieval_mode,
            group_by=grouping_of("group_by", group_by),
        )
        return list(results.matches)

    # Keys. Source: REST reference, GET /auth/management-keys/validation

    def validate_management_key(self) -> ManagementKey:
        """Return the management key's name, team and permissions. Needs no permission."""
        return self._call(endpoints.VALIDATE_MANAGEMENT_KEY)

    def test_connection(self) -> tuple[bool, str]:
        """Test each key on its own, and say which one fails and why. Each is tried once, as a user is waiting."""
        try:
            settings = replace(self.client.settings, retries=RetryPolicy(attempts=1))
        except XAIError as error:
            return False, str(error)
        checks: dict[str, Request[Any]] = {
            Host.MANAGEMENT.key_name: endpoints.VALIDATE_MANAGEMENT_KEY.request(),
            Host.API.key_name: endpoints.LIST_FILES.request(limit=1),
        }
        results, well = [], True
        with Client(settings) as client:
            for name, request in checks.items():
                try:
                    client.run(call(request))
                except XAICredentialError as error:
                    results.append(f"{name}: not configured, {error}")
                    well = False
                except XAIError as error:
                    results.append(f"{name}: {error}")
                    well = False
                else:
                    results.append(f"{name}: works")
        return well, ". ".join(results)

    def _declare(
        self,
        collection_id: str,
        fields: Mapping[str, str] | None,
        *,
        team_id: str | None = None,
        may_declare: bool,
    ) -> None:
        """Declare the fields of one document. A collection is read once, and again if it defines too few."""
        if not fields:
            return
        keys, where = text_fields(fields), (collection_id, self._team(team_id))
        known = self._declared.get(where)
        if known is None or known.missing(keys):
            collection = self.get_collection(collection_id=collection_id, team_id=team_id)
            known = Declarations.of(collection, where[1], may_declare=may_declare, on_declared=self.log.info)
            self.run(known.require(keys))
            self._declared[where] = known

    @cached_property
    def _declared(self) -> dict[tuple[str, str | None], Declarations]:
        return {}

    def _call(self, endpoint: Endpoint[A], **params: Any) -> A:
        return self.run(call(endpoint.request(**params)))

    def _team(self, team_id: str | None) -> str | None:
        return team_id or self.team_id


def _definitions(name: str, value: Sequence[Body] | None) -> list[Any] | None:
    return None if value is None else definitions_of(name, value)
