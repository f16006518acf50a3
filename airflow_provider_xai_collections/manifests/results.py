"""Results of tasks that change a collection."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_provider_xai_collections.api.reconciling import Changes
from airflow_provider_xai_collections.manifests.base import MAX_LISTED, TaskResult, first_names
from airflow_provider_xai_collections.manifests.waits import WaitSummary


class DocumentsManifest(TaskResult):
    """Result of a task that attaches documents by their ids, or has them indexed again.

    :param added: documents that this task attached; ``already_there``: the others.
    :param file_ids: of all of them, if they are few enough; ``total`` is their number.
    :param wait: the end of the wait, if there was one.
    """

    version: Literal[1] = 1
    total: int
    added: int = 0
    already_there: int = 0
    reindexed: int = 0
    file_ids: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()
    wait: WaitSummary | None = None

    @property
    def counts(self) -> dict[str, int]:
        return {"added": self.added, "failed": self.wait.failed if self.wait else 0}


class ChangesManifest(TaskResult):
    """Changes of a collection by a task; with ``dry_run``, those that it would have made.

    :param created: the collection itself is new.
    :param settings: names of what was set.
    :param fields_added: keys of fields, the first if there are very many; so in the next two.
    """

    version: Literal[1] = 1
    dry_run: bool = False
    created: bool = False
    settings: tuple[str, ...] = ()
    fields_added: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()
    fields_changed: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()
    fields_deleted: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()

    @property
    def is_dry_run(self) -> bool:
        return self.dry_run

    @property
    def state_change(self) -> str:
        if self.created:
            return "CREATE"
        changed = self.settings or self.fields_added or self.fields_changed or self.fields_deleted
        return "ALTER" if changed and not self.dry_run else ""

    @classmethod
    def of(
        cls, collection_id: str, changes: Changes, *, created: bool = False, dry_run: bool = False
    ) -> ChangesManifest:
        return cls(
            collection_id=collection_id,
            dry_run=dry_run,
            created=created,
            settings=changes.settings,
            fields_added=first_names(changes.added),
            fields_changed=first_names(changes.changed),
            fields_deleted=first_names(changes.deleted),
        )


class RemovalManifest(TaskResult):
    """Counts of a removal.

    :param total: documents asked for, or found; ``missing``: those of them that were not in the collection.
    :param files_kept: files that the service did not delete, because they are attached elsewhere.
    :param collection_deleted: the collection itself was deleted; ``False`` if it was not there.
    """

    version: Literal[1] = 1
    total: int = 0
    removed: int = 0
    missing: int = 0
    files_deleted: int = 0
    files_kept: int = 0
    collection_deleted: bool = False

    @property
    def counts(self) -> dict[str, int]:
        return {"removed": self.removed}

    @property
    def state_change(self) -> str:
        return "DROP" if self.collection_deleted else ""
