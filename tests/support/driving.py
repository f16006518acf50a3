"""Driving flows by hand: the test plays the outside world, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document, DocumentPage
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Sleep, Step
from airflow_provider_xai_collections.exceptions import XAIError

T = TypeVar("T")
#: A request, and its answer or the error it meets.
Turn: TypeAlias = tuple[Any, Any]


def play(flow: Flow[T], *script: tuple[Step, Any]) -> T:
    """Lead ``flow`` through ``(what it must ask, what it gets)`` to the value it returns.

    An error in the script is thrown into the flow. An error the flow raises counts as its end.
    """
    resume: Callable[[], Step] = partial(next, flow)
    for expected, reply in script:
        try:
            asked = resume()
        except (StopIteration, XAIError) as end:
            raise AssertionError(f"the flow ended with {end!r} where it should ask {expected}") from end
        assert asked == expected
        resume = partial(flow.throw, reply) if isinstance(reply, BaseException) else partial(flow.send, reply)
    try:
        asked = resume()
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError(f"the flow goes on where it should end, and asks {asked}")


class FlowDriver:
    """Drives flows whose steps a test cannot know beforehand, by a clock of its own: a pause takes no time.

    :param answer: gives the typed answer to a request, or raises the error it meets.
    :param die: the share of its jitter that each sleep takes.
    """

    def __init__(self, answer: Callable[[Request[Any]], Any], *, now: float = 0.0, die: float = 0.0) -> None:
        self.now = now
        self.requests: list[Request[Any]] = []
        self.pauses: list[Sleep] = []
        self._answer = answer
        self._die = die

    def run(self, flow: Flow[T], *, at_most: int = 10_000) -> T:
        resume: Callable[[], Step] = partial(next, flow)
        for _ in range(at_most):
            try:
                step = resume()
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                resume = partial(flow.send, self._reply(step))
            except XAIError as error:
                resume = partial(flow.throw, error)
        raise AssertionError(f"the flow has not ended after {at_most} steps")

    def _reply(self, step: Step) -> Any:
        match step:
            case Request():
                self.requests.append(step)
                return self._answer(step)
            case Sleep():
                self.pauses.append(step)
                self.now += step.seconds + step.jitter * self._die
                return None
            case Now():
                return self.now


def a_document(file_id: str, status: str = "DOCUMENT_STATUS_PROCESSED", **other: Any) -> Document:
    metadata = {"file_id": file_id, "name": f"{file_id}.txt", **other.pop("file_metadata", {})}
    return Document.model_validate({"file_metadata": metadata, "status": status, **other})


def some_documents(*documents: Document) -> DocumentPage:
    return DocumentPage(documents=documents)


def a_collection(collection_id: str = "c", collection_name: str = "docs", **other: Any) -> Collection:
    return Collection.model_validate({"collection_id": collection_id, "collection_name": collection_name, **other})


def holding(count: int) -> Turn:
    """Return the turn in which a collection says how many documents it has."""
    return GET_COLLECTION.request(collection_id="c"), a_collection(documents_count=count)
