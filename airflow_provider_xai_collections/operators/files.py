"""Operators on files that are in no collection."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, optional_path, patterns_of, whole_number
from airflow_provider_xai_collections.durations import Duration, in_words, seconds
from airflow_provider_xai_collections.operators.base import XAIBaseOperator
from airflow_provider_xai_collections.text import counted, printable

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.files import File
    from airflow_provider_xai_collections.api.protocol import Flow
    from airflow_provider_xai_collections.api.unattached import Inventory
    from airflow_provider_xai_collections.manifests.files import FileOutcome
    from airflow_provider_xai_collections.sources.paths import AnyPath


class XAIDeleteUnattachedFilesOperator(XAIBaseOperator):
    """Find the files of a team that are in no collection, and delete them if told to.

    A job for now and then: uploads that were cut off, and documents that were removed without their files, leave files
    that are billed. It lists all files, all collections and all their documents; if anything of that cannot be seen in
    full, it fails, says why, and deletes nothing. Both keys must see all of the team: a file in a collection that the
    management key may not see looks like one in none. Run it while nothing attaches files that are older than
    ``older_than``. Safe to retry. Returns a manifest with counts.

    Source: REST reference, ``GET /v1/files``, ``DELETE /v1/files/{file_id}``, ``GET /v1/collections``, ``GET
    /v1/collections/{collection_id}/documents``.

    :param older_than: only files that were uploaded so long ago, as a ``timedelta`` or in seconds: a younger one may be
        on its way into a collection.
    :param pattern: only files whose name is matched; a pattern as in ``.gitignore``, or several. (templated)
    :param dry_run: only say what it would delete; ``False`` deletes it.
    :param concurrency: how many files are deleted at once, at least 1.
    :param report: where to write a report: a file or URL, with one JSON line for each of these files. (templated)
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI delete unattached files"
    template_fields: Sequence[str] = ("pattern", "report", "team_id", "conn_id")

    def __init__(
        self,
        *,
        older_than: Duration = timedelta(days=7),
        pattern: str | Sequence[str] | Set[str] = "*",
        dry_run: bool = True,
        concurrency: int = 8,
        report: AnyPath | None = None,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(team_id=team_id, conn_id=conn_id, **kwargs)
        self.older_than = older_than
        self.pattern = pattern
        self.is_dry_run = dry_run  # Airflow's operators have a method of that name
        self.concurrency = concurrency
        self.report = report

    def read_arguments(self) -> None:
        super().read_arguments()
        self.pattern = patterns_of("pattern", self.pattern)
        self.report = optional_path("report", self.report)

    def execute(self, context: Context) -> dict[str, Any]:
        """Take the inventory, and delete what is in no collection if told to."""
        from airflow_provider_xai_collections.api.unattached import still_unattached, take_inventory
        from airflow_provider_xai_collections.manifests.files import UnattachedFilesManifest
        from airflow_provider_xai_collections.sources.choice import Choice

        with self.at_work(context):
            whole_number("concurrency", self.concurrency, at_least=1)
            age = seconds("older_than", self.older_than)
            before = time.time() - age
            choice = Choice(self.pattern)
            inventory = self.hook.run(take_inventory(team_id=self.team, on_progress=self._show))
            found = inventory.unattached(before=before, is_wanted=choice.pattern.matches)
            self.log.info(
                "%s, of which %d in %s; in none, older than %s and matched by pattern %s: %d",
                counted(len(inventory.files), "file"),
                len(inventory.attached),
                counted(len(inventory.collection_ids), "collection"),
                in_words(age),
                choice.pattern,
                len(found),
            )
            for warning in choice.warnings("the team's files"):
                self.log.warning("%s", warning)
            outcomes: dict[str, FileOutcome] = {}
            self._write_report(found, outcomes)
            if not self.is_dry_run:
                found = self.hook.run(still_unattached(inventory, found, team_id=self.team))
                try:
                    self._delete(found, outcomes)
                finally:
                    self._write_report(found, outcomes)
            manifest = UnattachedFilesManifest.of(
                inventory, found, outcomes, dry_run=self.is_dry_run, report=self.report
            )
            self.log.info("%s", manifest)
            return manifest.dump()

    def _delete(self, files: Sequence[File], outcomes: dict[str, FileOutcome]) -> None:
        """Delete them, and note what became of each."""
        from airflow_provider_xai_collections.api.unattached import delete_unattached
        from airflow_provider_xai_collections.manifests.files import FileOutcome
        from airflow_provider_xai_collections.manifests.progress import Stage
        from airflow_provider_xai_collections.operators.concurrency import run_concurrently

        def delete(file: File) -> Flow[None]:
            is_deleted = yield from delete_unattached(file)
            outcomes[file.id] = FileOutcome.DELETED if is_deleted else FileOutcome.KEPT

        names = [f"{printable(file.filename)} ({file.id})" for file in files]
        run_concurrently(
            self.hook,
            names,
            map(delete, files),
            concurrency=self.concurrency,
            what="deleted",
            of="files",
            progress=self.progress,
            stage=Stage.DELETING,
        )

    def _write_report(self, files: Sequence[File], outcomes: Mapping[str, FileOutcome]) -> None:
        """Write it before anything is deleted as well, so that nothing goes without a record."""
        from airflow_provider_xai_collections.manifests.files import FileLine
        from airflow_provider_xai_collections.manifests.json_lines import write_lines

        if self.report is not None:
            write_lines(self.report, FileLine.each(files, outcomes))

    def _show(self, inventory: Inventory) -> None:
        """Show of how many collections the documents are known."""
        from airflow_provider_xai_collections.manifests.progress import Stage

        if self.progress.stage is not Stage.READING:
            self.progress.enter(Stage.READING, noun="collection")
        self.progress.reach(inventory.counted, len(inventory.collection_ids))
