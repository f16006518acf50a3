"""A desk at which a test does the work of a sync by hand: it takes flows, and says what came of each."""

from __future__ import annotations

import io
from collections.abc import Iterable
from inspect import getgeneratorlocals
from typing import Any

from airflow_provider_xai_collections.api.uploading import Placed, Target
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.api.polling import WaitRules
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.sync_flows import Brought, Cleared, Looked, SyncTools
from airflow_provider_xai_collections.api.sync_plan import SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.api.sync_work import Done, SyncWork
from airflow_provider_xai_collections.exceptions import XAIAuthError, XAIError, XAIServerError
from tests.api.driving import a_document

BUSY = XAIServerError("busy", status=503)
REFUSED = XAIAuthError("no", status=403)
TOOLS = SyncTools(
    target=Target("c", "s"),
    removal=Removal("c"),
    read=lambda entry, content_hash: a_source(entry.name),
    fields=lambda source: {},
)


def a_source(name: str) -> SourceDocument:
    return SourceDocument(f"file:///{name}", name, 3, "aa", None, io.BytesIO, lambda: "text/plain")


def a_step(action: str, name: str, *stale: str, size: int = 3, **other: Any) -> SyncStep:
    """A step, whose document in the collection (if there is one that stays) has the id of its name with a ``-``."""
    entry = SourceEntry(f"file:///{name}", name, size, "f", f"/{name}")
    held = f"{name}-" if action in ("keep", "await") else ""
    broken = (f"{name}-broken",) if action == "repair" else ()
    gone = action == "remove"
    known = {"entry": None if gone else entry, "file_id": held, "broken": broken, "stale": stale, **other}
    return SyncStep(SyncAction(action), name if gone else entry.uri, **known)


def adding(*names: str, **other: Any) -> list[SyncStep]:
    return [a_step("add", name, **other) for name in names]


class Desk:
    """Takes flows from the work, shows them by name, and hands in what the test says came of them.

    A flow is never run: a document that is placed has the id of its name.
    """

    def __init__(self, steps: Iterable[SyncStep], *, concurrency: int = 2, wait: Any = (), **other: Any) -> None:
        self.now = 1000.0
        self.told: list[Done] = []
        self.open: dict[str, dict[str, Any]] = {}
        self.over = False
        rules = WaitRules(poll_interval=10.0, **dict(wait)) if wait is not None else None
        self.work = SyncWork(
            steps,
            TOOLS,
            **{"concurrency": concurrency, "wait": rules, "timeout": 100.0, "now": self.now, "lag": 0.0, **other},
            done=self.told.append,
        )

    def take(self) -> list[str]:
        """What begins now."""
        begun = []
        while not self.over:
            try:
                flow: Any = next(self.work)
            except StopIteration:
                self.over = True
                break
            if flow is None:
                break
            about = getgeneratorlocals(flow)
            label = f"look {' '.join(about['file_ids'])}" if "file_ids" in about else f"{_kind(flow)} {_name(about)}"
            self.open[label] = about
            begun.append(label)
        return begun

    def bring(self, name: str, error: XAIError | None = None, *, file_id: str = "", seconds: float = 2.0) -> list[str]:
        """A document is placed, or is not; what begins then."""
        step = self.open.pop(f"bring {name}")["step"]
        placed = None if error else Placed(file_id or name, added=not file_id)
        self.now += seconds
        self.work.happened(Brought(step, self.now, seconds, placed, error))
        return self.take()

    def clear(self, name: str, error: XAIError | None = None) -> list[str]:
        about = self.open.pop(f"clear {name}")
        gone = () if error else tuple(each for each in about["step"].stale if each != about["stays"])
        self.now += 1.0
        self.work.happened(Cleared(about["step"], self.now, 1.0, gone, error=error))
        return self.take()

    def look(self, *, seconds: float = 5.0, error: XAIError | None = None, **words: str) -> list[str]:
        """What is not named is PROCESSED; ``GONE`` is not in the answer."""
        (label,) = (label for label in self.open if label.startswith("look"))
        ids = self.open.pop(label)["file_ids"]
        self.now += seconds
        seen = {file_id: words.get(file_id.rstrip("-"), "PROCESSED") for file_id in ids}
        documents = [a_document(each, f"DOCUMENT_STATUS_{word}") for each, word in seen.items() if word != "GONE"]
        self.work.happened(Looked(self.now, ids, documents if error is None else (), error))
        return self.take()

    @property
    def outcomes(self) -> dict[str, str]:
        return {done.step.name: str(done.outcome) for done in self.told}


def _kind(flow: Any) -> str:
    name: str = flow.__name__
    return name


def _name(about: dict[str, Any]) -> str:
    name: str = about["step"].name
    return name
