"""What tasks that change a collection return."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_provider_xai_collections.api.reconciling import Changes
from airflow_provider_xai_collections.manifests.base import CAP, TaskResult, first_names
from airflow_provider_xai_collections.manifests.waits import WaitSummary


class DocumentsManifest(TaskResult):
    """What a task returns that attaches documents by their ids, or has them indexed again.

    :param file_ids: the documents, if they are few enough; else an empty list, and ``total`` says how many there are.
    :param added: those that this task attached; ``already_there``: the others.
    :param reindexed: those that were indexed again.
    :param wait: how the wait ended, if there was one.
    """

    version: Literal[1] = 1
    total: int
    added: int = 0
    already_there: int = 0
    reindexed: int = 0
    file_ids: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    wait: WaitSummary | None = None

    @property
    def counts(self) -> dict[str, int]:
        return {"added": self.added, "failed": self.wait.failed if self.wait else 0}


class ChangesManifest(TaskResult):
    """What a task changed in a collection; with ``dry_run``, what it would have changed.

    :param created: the collection itself is new.
    :param settings: names of what was set.
    :param fields_added: keys of fields; the first ones, if there are very many. So are the next two.
    """

    version: Literal[1] = 1
    dry_run: bool = False
    created: bool = False
    settings: tuple[str, ...] = ()
    fields_added: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    fields_changed: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    fields_deleted: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()

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
    """What was removed.

    :param total: documents asked for, or found.
    :param missing: those of them that were not in the collection.
    :param files_kept: files that the service did not delete, because they are attached elsewhere.
    :param collection_deleted: the collection itself as well; ``False`` where it was not there.
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
