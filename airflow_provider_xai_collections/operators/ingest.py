"""Ingest files, folders and globs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Context, conf

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, paths_of, text_of
from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.operators.ingesting import XAIIngestingOperator
from airflow_provider_xai_collections.operators.mapped import NamedAfterItems

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.identity import SourceDocument
    from airflow_provider_xai_collections.sources.items import Source
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.sync.options import SyncOptions


class XAIIngestDocumentsOperator(NamedAfterItems, XAIIngestingOperator):
    """Upload files, folders or globs into a collection, and wait until they are processed.

    Each document carries its identity in fields of the collection, which are declared if they are missing. So a retry,
    another machine and the service itself recognise what is there, and nothing is uploaded or attached twice. A
    document that failed is uploaded again, unless xAI said that it will never index such content. A source whose
    content changed is added beside its older version: to replace it, use ``XAISyncCollectionOperator``. One document
    that cannot be read or uploaded does not stop the others. Returns a manifest with counts.

    Source: REST reference, ``POST /v1/files``, then ``POST /v1/collections/{collection_id}/documents/{file_id}``; for
    the one call the metadata guide.

    :param paths: files, folders and globs, or a list of them: local paths, URLs such as ``s3://conn_id@bucket/folder``,
        ``ObjectStoragePath``. Documents are named by their path below the folder or glob. A glob (``/data/**/*.md``) is
        a pattern from its fixed part on; where it matches a folder, it means all below that. (templated)
    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param create_collection: create the collection if there is none of the name.
    :param pattern: of the files below a folder or glob, only those that match: a pattern of ``.gitignore``, or a list
        of them. ``*.md`` and ``*.{md,txt}`` are about names at any depth, ``guide/*.md`` and ``/*.md`` about paths from
        the folder on, ``**`` stands for any folders or none, ``guide/`` for a folder with all below it. One that begins
        with ``!`` takes back what those before it match, but nothing below a folder that they match. (templated)
    :param exclude: such a pattern, or a list of them, of files to leave out and of folders not to enter. (templated)
    :param follow_links: take what links in a folder lead to that leave that folder; otherwise they are skipped. A link
        that is named itself is always taken.
    :param scope: the same source in two scopes is two documents. (templated)
    :param fields: metadata, strings to strings: for all documents, or a function of a
        :class:`~airflow_provider_xai_collections.api.identity.SourceDocument` for each. (templated)
    :param declare_fields: declare the fields that documents are about to get, and that the collection does not define
        yet, as optional and not unique: xAI refuses documents with others. ``False`` refuses them here, by name.
    :param upload_method: ``"auto"``: one call that carries the content type, up to 100 MB; where xAI cannot take it,
        two calls from then on, which the log says. ``"direct"`` or ``"files"`` (upload, then attach, up to 50 MB; the
        text of PDF and Office documents may not be found) force one way.
    :param retry_failed: upload again what xAI has said it will never index; otherwise that counts as failed.
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed; ``False`` leaves that to a sensor.
    :param timeout: how long to wait after the last document is uploaded, as a ``timedelta`` or in seconds.
    :param poll_interval: the longest pause between two polls, as a ``timedelta`` or in seconds.
    :param max_failed: how many documents may fail before the task does: a count (1), or a share of the documents (0.05;
        1.0 is all); ``None`` for any number. Documents count that could not be read, uploaded or indexed; those that
        xAI would not take are skipped, and do not.
    :param report: where to write a report: a file or URL, with one JSON line for each document. (templated)
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI ingest"
    template_fields: Sequence[str] = (
        *("paths", "collection_id", "collection_name", "pattern", "exclude", "scope", "fields", "report"),
        *("team_id", "conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"fields": "json"}
    names_itself_after = "paths"

    def __init__(
        self,
        *,
        paths: AnyPath | Sequence[AnyPath],
        collection_id: str | None = None,
        collection_name: str | None = None,
        create_collection: bool = True,
        pattern: str | Sequence[str] | Set[str] = "*",
        exclude: str | Sequence[str] | Set[str] = (),
        follow_links: bool = False,
        scope: str = "default",
        fields: Mapping[str, str] | Callable[[SourceDocument], Mapping[str, str]] | None = None,
        declare_fields: bool = True,
        upload_method: str = UploadMethod.AUTO,
        retry_failed: bool = False,
        concurrency: int = 8,
        wait_for_completion: bool = True,
        timeout: Duration = timedelta(hours=1),
        poll_interval: Duration = 15.0,
        max_failed: float | None = 0,
        report: AnyPath | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.paths: Any = paths  # a list once the arguments are read
        self.create_collection = create_collection
        self.pattern = pattern
        self.exclude = exclude
        self.follow_links = follow_links
        self.scope = scope
        # Airflow would call a function among the template fields itself, with a context.
        self.fields = None if callable(fields) else fields
        self.make_fields = fields if callable(fields) else None
        self.declare_fields = declare_fields
        self.upload_method = upload_method
        self.retry_failed = retry_failed
        self.concurrency = concurrency
        self.wait_for_completion = wait_for_completion
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.max_failed = max_failed
        self.report = report
        self.deferrable = deferrable

    def read_arguments(self) -> None:
        """Read the paths and the scope, beside the other arguments."""
        super().read_arguments()
        self.paths = paths_of("paths", self.paths)
        self.scope = text_of("scope", self.scope)

    def options(self) -> SyncOptions:
        """Return the options of the engine."""
        from airflow_provider_xai_collections.sync.options import SyncOptions

        return SyncOptions(
            scope=self.scope,
            replace=False,
            retry_failed=self.retry_failed,
            concurrency=self.concurrency,
            wait=self.wait_for_completion,
            timeout=seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
            max_failed=self.max_failed,
        )

    def files(self, context: Context) -> Source:
        """Return the files."""
        return self.files_at(self.paths)

    def execute(self, context: Context) -> Any:
        """Ingest what is not there yet."""
        with self.at_work(context):
            engine, plan = self.start(context)
            return self.place_and_wait(context, engine, plan, engine.begin(plan))
