"""Waits that outlive their process: what a task keeps of the wait it begins, for its next try to find.

From 3.3 on Airflow has a place for that: the task state store, which belongs to one task of one run and outlives its
tries. A try that finds a wait which was cut off goes straight on waiting: nothing is read, listed, uploaded, attached
or indexed again, and its result tells what the first try did. Before 3.3, or if the store fails, the next try looks at
the collection instead and comes to the same end.

Airflow leaves the store alone when a user clears the task. But who clears wants the work done, perhaps with other
sources, which no argument shows. So a wait is bound to what the task was asked, and to what changes with a clear.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from typing import Any, Literal, Self

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.arguments import is_list, rendered
from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.manifests.results import DocumentsManifest
from airflow_provider_xai_collections.manifests.waits import WaitPart
from airflow_provider_xai_collections.waits.deferring import in_parts

#: The key of the wait; the lists of its documents have their number behind it.
KEY = "xai_wait"
#: What tells two objects of one kind apart in the text that Python makes of them, and differs in every process.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
#: Bytes of JSON that the ids in one value may take. Airflow warns about values above 65,535.
ROOM = 60_000


class KeptWait(Manifest):
    """A wait that was begun.

    :param task: what the task was asked to do, as a digest.
    :param manifest: what it did before it waited.
    :param parts: how many lists of documents there are, each a :class:`WaitPart`.
    """

    version: Literal[1]
    task: str
    manifest: DocumentsManifest
    parts: int


@dataclass(frozen=True, slots=True)
class WaitMemory:
    """Where a task keeps its wait.

    :param store: Airflow's, or ``None`` where there is none.
    """

    store: Any
    task: str
    log: Any

    @classmethod
    def of(cls, operator: BaseOperator, context: Context) -> Self:
        store = context.get("task_state_store")
        memory = cls(store, "", operator.log)
        if store is None:
            return memory
        with memory._if_it_works("tell what this task is asked to do"):
            return cls(store, _asked_of(operator, context), operator.log)
        return cls(None, "", operator.log)

    def find(self) -> tuple[DocumentsManifest, list[str]] | None:
        """What an earlier try did, and the documents it waited for when it was cut off."""
        with self._if_it_works("look for a wait that was cut off"):
            if self.store is None or (found := self.store.get(KEY)) is None:
                return None
            wait = KeptWait.parse(found)
            if wait.task != self.task:
                self.log.info(
                    "An earlier try was cut off while it waited, but since then the task was cleared or its arguments "
                    "changed: starting from the beginning"
                )
                return None
            parts = [WaitPart.parse(self.store.get(f"{KEY}_{number}")) for number in range(wait.parts)]
            return wait.manifest, [file_id for part in parts for file_id in part.file_ids]
        return None

    def keep(self, manifest: DocumentsManifest, file_ids: Sequence[str]) -> bool:
        """Write down what was done, before the wait begins; whether that worked."""
        with self._if_it_works("keep the wait"):
            if self.store is None:
                return False
            number = 0
            for number, part in enumerate(in_parts(file_ids, ROOM), start=1):
                self.store.set(f"{KEY}_{number - 1}", WaitPart(version=1, file_ids=part).dump())
            # Last, so that whoever finds it finds the lists as well.
            self.store.set(KEY, KeptWait(version=1, task=self.task, manifest=manifest, parts=number).dump())
            return True
        return False

    def forget(self) -> None:
        """The wait has ended: the next try, if there is one, has work to do."""
        with self._if_it_works("forget the wait"):
            if self.store is None or (found := self.store.get(KEY)) is None:
                return
            self.store.delete(KEY)
            for number in range(KeptWait.parse(found).parts):
                self.store.delete(f"{KEY}_{number}")

    @contextmanager
    def _if_it_works(self, what: str) -> Iterator[None]:
        """What only saves work must never break a task."""
        try:
            yield
        except Exception as error:
            self.log.warning(
                "Could not %s in Airflow's task state store; a try that is cut off looks at the collection (%s: %s)",
                what,
                type(error).__name__,
                printable(str(error)),
            )


def _asked_of(operator: BaseOperator, context: Context) -> str:
    """What the task is asked to do, in a few characters that tell nothing of it.

    Clearing a task counts in its run; if the user does not want the run to go on, it raises the number of its tries.
    """
    arguments = {name: getattr(operator, name) for name in operator.template_fields}
    arguments["follow_links"] = getattr(operator, "follow_links", None)  # no template, and says which documents
    clears = (getattr(context["ti"], "max_tries", None), getattr(context["dag_run"], "clear_number", None))
    return sha256(_in_any_process([type(operator).__qualname__, arguments, clears]).encode()).hexdigest()


def _in_any_process(value: Any) -> str:
    """``value`` as JSON that is the same in every process: without the order of sets, and without addresses."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    value = rendered(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Set):
        return sorted(map(_in_any_process, value))
    if is_list(value):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return sha256(value).hexdigest()
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__qualname__, {each.name: _plain(getattr(value, each.name)) for each in fields(value)}]
    if isinstance(value, os.PathLike):
        return str(value)
    return [type(value).__qualname__, _ADDRESS.sub("", str(value))]
