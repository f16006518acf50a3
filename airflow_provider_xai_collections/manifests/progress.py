"""Progress of a task that runs, in its XCom ``xai_progress``: versioned and bounded."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator

from airflow_provider_xai_collections.durations import in_words
from airflow_provider_xai_collections.manifests.base import ROOM_FOR_ID, ROOM_FOR_SCOPE, Manifest, shown
from airflow_provider_xai_collections.text import counted

#: The XCom that it is in.
PROGRESS_KEY = "xai_progress"


class Stage(StrEnum):
    """The stage that a task is in. ``DONE`` and ``FAILED`` end an attempt."""

    LISTING = "listing"
    READING = "reading"
    UPLOADING = "uploading"
    ATTACHING = "attaching"
    REINDEXING = "reindexing"
    INDEXING = "indexing"
    REMOVING = "removing"
    DELETING = "deleting"
    FINISHING = "finishing"
    DONE = "done"
    FAILED = "failed"


class TaskProgress(Manifest):
    """Progress of a task at one moment. Times are in seconds since the epoch, sizes in bytes.

    :param documents: how many the stage is through with, those that failed among them; ``total``: how many it has.
    :param failed: how many have failed in this process, in all stages.
    :param bytes: size of what was uploaded, and ``bytes_total``: of all that is to be.
    :param rate: documents per second in this stage.
    :param seconds_left: of this stage; ``None`` if that cannot be told yet.
    :param updated: when this was so.
    :param began: when the attempt began.
    """

    version: Literal[1] = 1
    stage: Stage
    documents: int = 0
    total: int = 0
    failed: int = 0
    bytes: int = 0
    bytes_total: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    updated: float
    collection_id: Annotated[str, AfterValidator(partial(shown, room=ROOM_FOR_ID))] = ""
    collection_name: Annotated[str, AfterValidator(partial(shown, room=ROOM_FOR_SCOPE))] = ""
    began: float

    @property
    def left(self) -> int:
        """Documents that the stage still has to do."""
        return max(0, self.total - self.documents)

    @property
    def time_left(self) -> str:
        """The time that the stage still takes, in words; nothing if that cannot be told."""
        return f"about {in_words(self.seconds_left)} left" if self.seconds_left and self.left else ""

    def line(self, noun: str = "document") -> str:
        """Return it as a line of a log.

        :param noun: what is counted.
        """
        done = f"{self.documents} of {counted(self.total, noun)} done"
        failed = f"{self.failed} failed" if self.failed else ""
        return ", ".join(filter(None, (self.stage, done, failed, f"{self.left} to go", self.time_left)))
