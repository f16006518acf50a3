"""The arguments that the operators share that keep a collection in step with a source."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence, Set
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import (
    count_or_share,
    one_of,
    path_of,
    patterns_of,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.durations import Duration, optional_seconds, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.base import XAICollectionsBaseOperator
from airflow_provider_xai_collections.waits.tolerance import OnFailed, check_policy

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import polling
    from airflow_provider_xai_collections.operators import sync_run
    from airflow_provider_xai_collections.operators.sync_fields import Fields
    from airflow_provider_xai_collections.sources import choice as source_choice
    from airflow_provider_xai_collections.sources import scanning
    from airflow_provider_xai_collections.sources.paths import AnyPath
else:
    polling = later("api.polling")
    sync_run = later("operators.sync_run")
    source_choice = later("sources.choice")
    scanning = later("sources.scanning")


class Verify(StrEnum):
    """What tells that a document did not change: the fingerprint its listing tells, or its content."""

    FINGERPRINT = "fingerprint"
    CONTENT = "content"


class XAISyncBaseOperator(XAICollectionsBaseOperator, ABC):
    """Makes a collection equal to a source; in how many tasks, a subclass says.

    Each document carries its identity in fields of the collection, which are declared if they are missing: the scope,
    the source URI, the hash of the content, the fingerprint of the file, and a unique key of the version. So any
    machine can go on where another was cut off, and the service itself refuses a second copy of one version. A changed
    document is uploaded, attached and processed before its old version is removed, so it can be found
    all the time.

    Sources: REST reference, ``POST /v1/files``, ``POST`` and ``DELETE
    /v1/collections/{collection_id}/documents/{file_id}``, ``GET …/documents`` and ``…/documents:batchGet``, ``DELETE
    /v1/files/{file_id}``.

    :param source: a folder with all below it but hidden files, or a glob: a local path, a URL such as
        ``s3://conn_id@bucket/folder``, or an ``ObjectStoragePath``. Documents are named by their path below it. A glob
        (``/data/**/*.md``) is a pattern from its fixed part on; where it matches a folder, it means all below that.
        (templated)
    :param collection: its id (``collection_…``), or its name: then it is created if there is none. (templated)
    :param pattern: of the files below a folder or glob, only those that match: a pattern of ``.gitignore``, or a list
        of them. ``*.md`` and ``*.{md,txt}`` are about names at any depth, ``guide/*.md`` and ``/*.md`` about paths from
        the source on, ``**`` stands for any folders or none, ``guide/`` for a folder with all below it. One that begins
        with ``!`` takes back what those before it match, but nothing below a folder that they match. (templated)
    :param exclude: such a pattern, or a list of them, of files to leave out and of folders not to enter. (templated)
    :param follow_links: take what links lead to that leave the source. Otherwise they are skipped and reported, and
        what is in the collection from below such a link stays.
    :param scope: what this sync calls its own in the collection; by default the URI of the source. Syncs of different
        scopes leave each other's documents alone; syncs of one source with other patterns need a scope each, or they
        prune each other's. (templated)
    :param fields: metadata, strings to strings: for all documents, or a function of a
        :class:`~airflow_provider_xai_collections.api.planning.SourceDocument` for each. (templated)
    :param update_fields: replace documents that have other fields than asked for; otherwise they keep those they were
        added with, and the manifest counts them (unless a function makes the fields).
    :param declare_fields: declare the fields that documents are about to get, and that the collection does not define
        yet, as optional and not unique: xAI refuses documents with others. ``False`` refuses them here, by name.
    :param verify: ``"fingerprint"``: a document whose size, and ETag or time of change, are the same did not change;
        ``"content"``: read them all, and compare with the hash that xAI itself has made of what it holds, where it
        tells one; nothing is downloaded. One that was merely touched is read in each run, and not sent.
    :param prune: remove the documents of this scope that the source has no longer, or that ``pattern`` and ``exclude``
        no longer let through. Not while more documents fail than ``on_failed`` tolerates; and not if some files went
        and others came while the task was deferred or other tasks worked, as the next run has to bring in the others
        first: in both cases one may be the other under a new name. With ``pattern`` or ``exclude`` it needs a
        ``scope``.
    :param max_prune: the most documents that pruning may remove: a count (1), or a share of the scope (0.25; 1.0 is
        all of it); ``None`` for any number. If it would be more, or the source is empty, the task fails before
        anything is changed; if the source has lost them only meanwhile, after all else is done.
    :param delete_files: delete the files of removed documents, which takes them from other collections as well, should
        somebody have attached them there; otherwise they stay in *Files*, and are billed.
    :param upload_method: ``"auto"``: one call that carries the content type, up to 100 MB; where xAI cannot take it,
        two calls from then on, which the log says. ``"direct"`` or ``"files"`` (upload, then attach, up to 50 MB; the
        text of PDF and Office documents may not be found) force one way.
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed. Otherwise old versions stay until the next run,
        and pruning does not wait either: a renamed file may be missing from searches until it is processed.
    :param timeout: how long to wait after the last document is in place, as a ``timedelta`` or in seconds.
    :param stall_timeout: give up earlier if no document moves for so long; ``None`` never does.
    :param poll_interval: the pause between two looks, as a ``timedelta`` or in seconds; shorter at first.
    :param on_failed: ``"fail"``, ``"threshold"`` (more than ``max_failed`` documents) or ``"ignore"``. Documents count
        that could not be read, uploaded or indexed; those that xAI would not take are skipped, and do not.
    :param max_failed: with ``"threshold"``: a count (1), or a share of the documents (0.05; 1.0 is all).
    :param stuck_after: a document that is in progress, and was uploaded longer ago, is indexed anew; a ``timedelta`` or
        seconds.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    template_fields: Sequence[str] = (
        "source",
        "collection",
        "pattern",
        "exclude",
        "scope",
        "fields",
        "team_id",
        "conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"fields": "json"}

    def __init__(
        self,
        *,
        source: AnyPath,
        collection: str,
        pattern: str | Sequence[str] | Set[str] = "*",
        exclude: str | Sequence[str] | Set[str] = (),
        follow_links: bool = False,
        scope: str | None = None,
        fields: Fields = None,
        update_fields: bool = False,
        verify: str = Verify.FINGERPRINT,
        prune: bool = False,
        max_prune: float | None = 0.25,
        delete_files: bool = True,
        declare_fields: bool = True,
        upload_method: str = UploadMethod.AUTO,
        concurrency: int = 8,
        wait_for_completion: bool = True,
        timeout: Duration = timedelta(hours=1),
        stall_timeout: Duration | None = None,
        poll_interval: Duration = 15.0,
        on_failed: str = OnFailed.FAIL,
        max_failed: float = 0,
        stuck_after: Duration = timedelta(hours=24),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.collection = collection
        self.pattern = pattern
        self.exclude = exclude
        self.follow_links = follow_links
        self.scope = scope
        # Airflow would call a function among the template fields itself, with a context.
        self.fields = None if callable(fields) else fields
        self.make_fields = fields if callable(fields) else None
        self.update_fields = update_fields
        self.verify = verify
        self.prune = prune
        self.max_prune = max_prune
        self.delete_files = delete_files
        self.declare_fields = declare_fields
        self.upload_method = upload_method
        self.concurrency = concurrency
        self.wait_for_completion = wait_for_completion
        self.timeout = timeout
        self.stall_timeout = stall_timeout
        self.poll_interval = poll_interval
        self.on_failed = on_failed
        self.max_failed = max_failed
        self.stuck_after = stuck_after

    @cached_property
    def sync_run(self) -> sync_run.SyncRun:
        return sync_run.SyncRun(self)

    def last_words(self) -> str:
        # A signal may come while a module is imported: it must not be asked for anything then.
        said = self.sync_run.last_words if "sync_run" in self.__dict__ else ""
        return said or super().last_words()

    def read_arguments(self) -> None:
        super().read_arguments()
        self.source = path_of("source", self.source)
        self.collection = text_of("collection", self.collection)
        self.pattern = patterns_of("pattern", self.pattern)
        self.exclude = patterns_of("exclude", self.exclude)
        if self.scope is not None:
            self.scope = text_of("scope", self.scope)

    def check_arguments(self) -> None:
        """Refuse what cannot work before anything is sent."""
        check_policy(self.on_failed, self.max_failed)
        whole_number("concurrency", self.concurrency, at_least=1)
        seconds("timeout", self.timeout)
        seconds("stuck_after", self.stuck_after)
        self.wait_rules()
        choice = self.choice()
        one_of("verify", self.verify, Verify)
        one_of("upload_method", self.upload_method, UploadMethod)
        if self.max_prune is not None:
            count_or_share("max_prune", self.max_prune)
        if self.prune and self.scope is None and (narrowed := choice.narrows):
            raise XAIArgumentError(
                f"prune with {narrowed} needs a scope of its own: a sync of this source that chooses otherwise would "
                "remove its documents, and the other way round, for ever. Pass scope=..."
            )
        for name, path in self.outputs().items():
            if path is not None and scanning.would_list(self.source, path, choice):
                raise XAIArgumentError(
                    f"{name} is {path}, inside the source: the next run would take it for a document. Put it "
                    "elsewhere, or leave it out with exclude=[...]"
                )

    def outputs(self) -> dict[str, AnyPath | None]:
        """Files that the task itself writes, by the argument that says where."""
        return {}

    def choice(self) -> source_choice.Choice:
        """Return the choice of files of the source.

        :raises XAIArgumentError: a pattern means nothing.
        """
        return source_choice.Choice(self.pattern, self.exclude, follow_links=self.follow_links)

    @property
    def limit_bytes(self) -> int:
        """The most bytes a document may have."""
        return UploadMethod(self.upload_method).limit

    def wait_rules(self) -> polling.WaitRules:
        return polling.WaitRules(
            poll_interval=seconds("poll_interval", self.poll_interval),
            stall_after=optional_seconds("stall_timeout", self.stall_timeout),
        )
