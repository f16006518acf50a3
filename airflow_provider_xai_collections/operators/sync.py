"""Keep a collection in step with a source, in one task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Context, conf

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, path_of, text_of
from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.operators.ingesting import XAIIngestingOperator

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.identity import SourceDocument
    from airflow_provider_xai_collections.sources.files import Files
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.sync.options import SyncOptions


class XAISyncCollectionOperator(XAIIngestingOperator):
    """Make a collection equal to a source: add what is new, replace what changed, upload again what failed.

    If asked to, remove what is missing from the source.

    Each document carries its identity in fields of the collection, which are declared if they are missing. So any
    machine can go on where another was killed, and the service itself refuses a second copy of one version. A changed
    document is uploaded, attached and processed before its old version is removed, so it can be found all the time.
    Safe to retry, killed at any line: the next try lists both sides and goes on. One document that cannot be read or
    uploaded does not stop the others. Returns a manifest with counts.

    Sources: REST reference, ``POST /v1/files``, ``POST`` and ``DELETE
    /v1/collections/{collection_id}/documents/{file_id}``, ``GET …/documents`` and ``…/documents:batchGet``, ``DELETE
    /v1/files/{file_id}``.

    :param source: a folder with all below it but hidden files, or a glob: a local path, a URL such as
        ``s3://conn_id@bucket/folder``, or an ``ObjectStoragePath``. Documents are named by their path below it. A glob
        (``/data/**/*.md``) is a pattern from its fixed part on; where it matches a folder, it means all below that.
        (templated)
    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param create_collection: create the collection if there is none of the name.
    :param pattern: of the files below a folder or glob, only those that match: a pattern of ``.gitignore``, or a list
        of them. ``*.md`` and ``*.{md,txt}`` are about names at any depth, ``guide/*.md`` and ``/*.md`` about paths from
        the source on, ``**`` stands for any folders or none, ``guide/`` for a folder with all below it. One that begins
        with ``!`` takes back what those before it match, but nothing below a folder that they match. (templated)
    :param exclude: such a pattern, or a list of them, of files to leave out and of folders not to enter. (templated)
    :param follow_links: take what links lead to that leave the source. Otherwise they are skipped and reported, and
        what is in the collection from below such a link stays.
    :param scope: the documents of the collection that belong to this sync; by default the URI of the source. Syncs of
        different scopes leave each other's documents alone; syncs of one source with other patterns need a scope each,
        or they prune each other's. (templated)
    :param fields: metadata, strings to strings: for all documents, or a function of a
        :class:`~airflow_provider_xai_collections.api.identity.SourceDocument` for each. (templated)
    :param update_fields: replace documents that have other fields than asked for; otherwise they keep those they were
        added with, and the manifest counts them (unless a function makes the fields).
    :param declare_fields: declare the fields that documents are about to get, and that the collection does not define
        yet, as optional and not unique: xAI refuses documents with others. ``False`` refuses them here, by name.
    :param verify_content: read every document, and compare with the hash that xAI itself has made of what it holds,
        where it tells one; nothing is downloaded. Otherwise a document whose size, and ETag or time of change, are the
        same did not change. One that was merely touched is read in each run, and not sent.
    :param retry_failed: upload again what xAI has said it will never index; otherwise that counts as failed.
    :param prune: remove the documents of this scope that are missing from the source, or that ``pattern`` and
        ``exclude`` no longer let through. One stays as long as another document that is not processed yet has its size
        or its file name, for that may be the same under a new name. With ``pattern`` or ``exclude`` it needs a
        ``scope``.
    :param max_prune: how many documents pruning may remove: a count (1), or a share of the scope (0.25; 1.0 is all of
        it); ``None`` for any number. If it would be more, or the source is empty, the task fails before anything is
        changed; if the source has lost them only meanwhile, after all else is done.
    :param delete_files: delete the files of removed documents, which takes them from other collections as well, should
        somebody have attached them there; otherwise they stay in *Files*, and are billed.
    :param upload_method: ``"auto"``: one call that carries the content type, up to 100 MB; where xAI cannot take it,
        two calls from then on, which the log says. ``"direct"`` or ``"files"`` (upload, then attach, up to 50 MB; the
        text of PDF and Office documents may not be found) force one way.
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed. Otherwise old versions stay until a later run
        finds the new ones processed.
    :param overlap: how long an old version stays once the new one is processed, as a ``timedelta`` or in seconds:
        searches may find that somewhat later.
    :param timeout: how long to wait after the last document is uploaded, as a ``timedelta`` or in seconds.
    :param poll_interval: the longest pause between two polls, as a ``timedelta`` or in seconds.
    :param max_failed: how many documents may fail before the task does: a count (1), or a share of the documents (0.05;
        1.0 is all); ``None`` for any number. Documents count that could not be read, uploaded or indexed; those that
        xAI would not take are skipped, and do not.
    :param dry_run: only say what it would do.
    :param report: where to write a report: a file or URL, with one JSON line for each document. (templated)
    :param deferrable: wait in the triggerer instead of a worker slot. On a full team, where replacing makes room, the
        task waits in the worker between rounds.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI sync"
    template_fields: Sequence[str] = (
        *("source", "collection_id", "collection_name", "pattern", "exclude", "scope", "fields", "report"),
        *("team_id", "conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"fields": "json"}

    def __init__(
        self,
        *,
        source: AnyPath,
        collection_id: str | None = None,
        collection_name: str | None = None,
        create_collection: bool = True,
        pattern: str | Sequence[str] | Set[str] = "*",
        exclude: str | Sequence[str] | Set[str] = (),
        follow_links: bool = False,
        scope: str | None = None,
        fields: Mapping[str, str] | Callable[[SourceDocument], Mapping[str, str]] | None = None,
        update_fields: bool = False,
        declare_fields: bool = True,
        verify_content: bool = False,
        retry_failed: bool = False,
        prune: bool = False,
        max_prune: float | None = 0.25,
        delete_files: bool = True,
        upload_method: str = UploadMethod.AUTO,
        concurrency: int = 8,
        wait_for_completion: bool = True,
        overlap: Duration = timedelta(seconds=30),
        timeout: Duration = timedelta(hours=1),
        poll_interval: Duration = 15.0,
        max_failed: float | None = 0,
        dry_run: bool = False,
        report: AnyPath | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.source = source
        self.create_collection = create_collection
        self.pattern = pattern
        self.exclude = exclude
        self.follow_links = follow_links
        self.scope = scope
        # Airflow would call a function among the template fields itself, with a context.
        self.fields = None if callable(fields) else fields
        self.make_fields = fields if callable(fields) else None
        self.update_fields = update_fields
        self.declare_fields = declare_fields
        self.verify_content = verify_content
        self.retry_failed = retry_failed
        self.prune = prune
        self.max_prune = max_prune
        self.delete_files = delete_files
        self.upload_method = upload_method
        self.concurrency = concurrency
        self.wait_for_completion = wait_for_completion
        self.overlap = overlap
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.max_failed = max_failed
        self.is_dry_run = dry_run  # Airflow's operators have a method of that name
        self.report = report
        self.deferrable = deferrable

    def read_arguments(self) -> None:
        """Read the source and the scope, beside the other arguments."""
        super().read_arguments()
        self.source = path_of("source", self.source)
        self.scope = None if self.scope is None else text_of("scope", self.scope)

    def options(self) -> SyncOptions:
        """Return the options of the engine."""
        from airflow_provider_xai_collections.sources.scopes import scope_of
        from airflow_provider_xai_collections.sync.options import SyncOptions

        return SyncOptions(
            scope=scope_of(self.scope, self.source, prune=self.prune, narrowed=self.choice().narrows),
            prune=self.prune,
            max_prune=self.max_prune,
            update_fields=self.update_fields,
            verify_content=self.verify_content,
            retry_failed=self.retry_failed,
            delete_files=self.delete_files,
            concurrency=self.concurrency,
            wait=self.wait_for_completion,
            overlap=seconds("overlap", self.overlap, or_none=True),
            timeout=seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
            max_failed=self.max_failed,
        )

    def files(self, context: Context) -> Files:
        """Return the source."""
        return self.files_at([self.source])

    def execute(self, context: Context) -> Any:
        """Bring the collection in step with the source, or say what that would take."""
        with self.at_work(context):
            engine, plan = self.start(context)
            if self.is_dry_run:
                return self.tell_plan(context, engine, plan)
            return self.place_and_wait(context, engine, plan, engine.begin(plan))
