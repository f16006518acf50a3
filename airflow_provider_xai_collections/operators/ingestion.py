"""Bringing documents into a collection: what all ways share, and the operator for files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import one_of, paths_of, patterns_of, strings_by_key, text_of
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.waiting import XAIDocumentsBaseOperator

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import flows as api_flows
    from airflow_provider_xai_collections.api import ingestion, planning, printable
    from airflow_provider_xai_collections.api.collections import Collection
    from airflow_provider_xai_collections.api.documents import Document
    from airflow_provider_xai_collections.api.planning import SourceDocument
    from airflow_provider_xai_collections.hooks import progress
    from airflow_provider_xai_collections.lineage import places
    from airflow_provider_xai_collections.manifests import results
    from airflow_provider_xai_collections.sources import choice as source_choice
    from airflow_provider_xai_collections.sources import finding
    from airflow_provider_xai_collections.sources import reading as sources
    from airflow_provider_xai_collections.sources.paths import AnyPath
else:
    api_flows = later("api.flows")
    ingestion = later("api.ingestion")
    planning = later("api.planning")
    printable = later("api.printable")
    finding = later("sources.finding")
    progress = later("hooks.progress")
    places = later("lineage.places")
    results = later("manifests.results")
    source_choice = later("sources.choice")
    sources = later("sources.reading")


class XAIIngestBaseOperator(XAIDocumentsBaseOperator, ABC):
    """Uploads documents, attaches them, and waits until they are processed; which documents, a subclass says.

    Each document carries its identity in fields of the collection (``airflow_scope``, ``airflow_source_uri``,
    ``airflow_content_blake3`` and the unique ``airflow_version_key``), which are declared if they are missing. So a
    retry, another machine and the service itself recognise what is there, and nothing is uploaded or attached twice. A
    document that failed earlier is replaced. A source whose content changed is added beside its older version, and a
    document that is there keeps its ``fields``; the manifest counts both.

    Returns a manifest with counts. Takes the arguments of
    :class:`~airflow_provider_xai_collections.operators.waiting.XAIDocumentsBaseOperator` as well.

    :param fields: metadata for all documents, strings to strings. (templated)
    :param scope: what this ingestion calls its own; the same source in two scopes is two documents. (templated)
    :param declare_fields: declare the fields that documents are about to get, and that the collection does not define
        yet, as optional and not unique: xAI refuses documents with others. ``False`` refuses them here, by name.
    :param upload_method: ``"auto"``: one call that carries the content type, up to 100 MB; where xAI cannot take it,
        two calls from then on, which the log says. ``"direct"`` or ``"files"`` (upload, then attach, up to 50 MB; the
        text of PDF and Office documents may not be found) force one way.
    """

    template_fields_renderers: ClassVar[dict[str, str]] = {"fields": "json"}

    def __init__(
        self,
        *,
        fields: Mapping[str, str] | None = None,
        scope: str = "default",
        declare_fields: bool = True,
        upload_method: str = UploadMethod.AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fields = fields
        self.scope = scope
        self.declare_fields = declare_fields
        self.upload_method = upload_method

    def read_arguments(self) -> None:
        super().read_arguments()
        self.scope = text_of("scope", self.scope)

    @abstractmethod
    def read(self, context: Context, limit: int) -> list[SourceDocument]:
        """The documents, checked and hashed; ``limit`` is the most bytes one may have."""

    def bring(self, context: Context) -> tuple[results.DocumentsManifest, list[str]]:
        method = one_of("upload_method", self.upload_method, UploadMethod)
        shared = strings_by_key("fields", self.fields)
        sources = self.read(context, method.limit)
        collection = self.hook.get_collection(collection_id=self.collection_id, team_id=self.team)
        declared = self.hook.declarations(collection, team_id=self.team, may_declare=self.declare_fields)
        target = ingestion.Target(self.collection_id, self.scope, self.hook.upload_way(method), declared, self.team)
        own_fields = (strings_by_key(f"the fields of {source.name}", source.fields) for source in sources)
        fields = [planning.check_fields(collection, {**shared, **own}) for own in own_fields]
        ours = [definition.key for definition in planning.MANAGED_FIELDS]
        self.hook.run(declared.require([*ours, *(key for own in fields for key in own)]))
        plan = planning.plan_ingestion(target.scope, sources, self._held(target, sources, collection))
        self.log.info("%s: %s", self.collection_id, plan)
        if plan.older_versions:
            self.log.warning(
                "%d documents hold other content of these sources and stay in the collection", plan.older_versions
            )
        other_fields = sum(map(planning.keeps_other_fields, plan.documents, fields))
        if other_fields:
            self.log.warning(
                "%d documents are there with other values of these fields, and keep them: fields are set when a "
                "document is added. Remove those documents first to have them changed",
                other_fields,
            )
        names = [planned.source.name for planned in plan.documents]
        flows = (ingestion.place(target, planned, own) for planned, own in zip(plan.documents, fields, strict=True))
        placed = self.run_each(names, flows, what="in place")
        for name, document in zip(names, placed, strict=True):
            if document.warning:
                self.log.warning("%s: %s", *map(printable.printable, (name, document.warning)))
        orphans = sum(document.possible_orphans for document in placed)
        progress.warn_of_orphans(self.log, orphans)
        added = sum(document.added for document in placed)
        manifest = results.DocumentsManifest(
            version=1,
            collection_id=self.collection_id,
            total=len(placed),
            added=added,
            already_there=len(placed) - added,
            replaced=sum(document.replaced for document in placed),
            bytes=sum(source.size for source, document in zip(sources, placed, strict=True) if document.added),
            sources=places.places_of(source.uri for source in sources),
            possible_orphans=orphans,
            older_versions=plan.older_versions,
            other_fields=other_fields,
        )
        return manifest, [document.file_id for document in placed]

    def _held(
        self,
        target: ingestion.Target,
        sources: Sequence[SourceDocument],
        collection: Collection,
    ) -> Iterable[Document]:
        """What the collection holds of these sources: by listing the scope, or one by one where that asks less."""
        if collection.documents_count / api_flows.MAX_PAGE <= len(sources):
            return self.hook.run(ingestion.documents_in_scope(target))
        flows = (ingestion.documents_of_source(target, source) for source in sources)
        found = self.run_each([source.name for source in sources], flows, what="looked up")
        return [document for documents in found for document in documents]


class XAIIngestDocumentsOperator(XAIIngestBaseOperator):
    """Upload files, folders or globs, attach them, and wait until they are processed.

    Nothing is uploaded or attached twice, and a document that failed earlier is replaced. Returns a manifest with
    counts. Takes the arguments of :class:`XAIIngestBaseOperator` as well, whose text says how.

    Source: REST reference, ``POST /v1/files``, then ``POST /v1/collections/{collection_id}/documents/{file_id}``; for
    ``"direct"`` the metadata guide.

    :param paths: files, folders and globs, or a list of them: local paths, URLs such as ``s3://conn_id@bucket/folder``,
        ``ObjectStoragePath``. Documents are named by their path below the folder or glob. A glob (``/data/**/*.md``) is
        a pattern from its fixed part on; where it matches a folder, it means all below that. (templated)
    :param pattern: of the files below a folder or glob, only those that match: a pattern of ``.gitignore``, or a list
        of them. ``*.md`` and ``*.{md,txt}`` are about names at any depth, ``guide/*.md`` and ``/*.md`` about paths from
        the folder on, ``**`` stands for any folders or none, ``guide/`` for a folder with all below it. One that begins
        with ``!`` takes back what those before it match, but nothing below a folder that they match. (templated)
    :param exclude: such a pattern, or a list of them, of files to leave out and of folders not to enter. (templated)
    :param follow_links: take what links in a folder lead to that leave that folder; otherwise the task refuses them by
        name. A link that is named itself is always taken.
    """

    template_fields: Sequence[str] = (
        "collection_id",
        "paths",
        "pattern",
        "exclude",
        "fields",
        "scope",
        "team_id",
        "conn_id",
    )
    names_itself_after = "paths"

    def __init__(
        self,
        *,
        paths: AnyPath | Sequence[AnyPath],
        pattern: str | Sequence[str] | Set[str] = "*",
        exclude: str | Sequence[str] | Set[str] = (),
        follow_links: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.paths: Any = paths  # a list once the arguments are read
        self.pattern = pattern
        self.exclude = exclude
        self.follow_links = follow_links

    def read_arguments(self) -> None:
        super().read_arguments()
        self.paths = paths_of("paths", self.paths)
        self.pattern = patterns_of("pattern", self.pattern)
        self.exclude = patterns_of("exclude", self.exclude)

    def read(self, context: Context, limit: int) -> list[SourceDocument]:
        choice = source_choice.Choice(self.pattern, self.exclude, follow_links=self.follow_links)
        files = finding.find_files(self.paths, choice)
        for warning in choice.warnings(", ".join(map(str, self.paths))):
            self.log.warning("%s", warning)
        return sources.read_sources(files, limit=limit, concurrency=self.concurrency, check=self.hook.check_stop)
