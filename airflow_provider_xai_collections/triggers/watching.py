"""Waits of one triggerer for documents of one collection, with shared polls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.doubts import may_be_raw_bytes
from airflow_provider_xai_collections.api.flows import batch_get_documents, chunking_of
from airflow_provider_xai_collections.api.poll_schedule import Poll, PollSchedule, Waiter
from airflow_provider_xai_collections.api.polling import Poller, WaitResult
from airflow_provider_xai_collections.client.clock import Clock
from airflow_provider_xai_collections.client.drivers import AsyncClient, with_jitter
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAIInvalidRequestError,
    XAIResponseError,
    XAITooLargeError,
)

#: Seconds before the first poll of a wait, so that waits which begin together poll together.
FIRST_PAUSE = 0.1
#: Waits that handle an answer before others on the event loop have their turn.
AT_A_TIME = 10
#: Seconds after its deadline at which a wait ends, whatever becomes of its last poll.
OVERTIME = 60.0
#: Errors that a poll may meet because of one of its documents.
_OF_ONE_DOCUMENT = (XAIInvalidRequestError, XAITooLargeError, XAIResponseError)


@dataclass(eq=False, slots=True)
class Waiting(Waiter):
    """A waiter with a future result; its callback runs in the trigger's context, by which Airflow finds the log."""

    on_progress: Callable[[Poller], None]
    clock: Clock = field(init=False, default_factory=Clock)
    result: asyncio.Future[WaitResult] = field(init=False)
    _context: Context = field(init=False)

    def __post_init__(self) -> None:
        self.result = asyncio.get_running_loop().create_future()
        self._context = copy_context()

    def handle(self, found: dict[str, Document] | Exception) -> float | None:
        """Take in what a poll has found, or its error; return the pause before the next, or ``None`` if it is over."""
        if self.result.done():  # cancelled meanwhile
            return None
        now, why = self.clock(), ""
        try:
            if isinstance(found, XAIError):
                end, why = self.poller.handle_error(now, found), str(found)
            elif isinstance(found, Exception):
                raise found
            else:
                mine = [found[file_id] for file_id in self.poller.pending if file_id in found]
                end = self.poller.handle_poll(now, mine)
            self._context.run(self.on_progress, self.poller)
        except Exception as error:
            # One for each: all would add their frames to a common one.
            self.result.set_exception(copy(error) if isinstance(error, XAIError) else error)
            return None
        if end is not None:
            self.result.set_result(end)
            return None
        pause = replace(self.poller.pause(now), then="the next poll", reason=why)
        return self._context.run(with_jitter, pause)

    @property
    def time_left(self) -> float | None:
        deadline = self.poller.rules.deadline
        return None if deadline is None else deadline - self.clock()


class CollectionWatch:
    """Polls of a collection for all waits for some of its documents, in ``slots`` for so many at the same time."""

    def __init__(self, client: AsyncClient, collection_id: str, team_id: str | None, slots: asyncio.Semaphore) -> None:
        self._client = client
        self._collection_id = collection_id
        self._team_id = team_id
        self._slots = slots
        self._schedule = PollSchedule[Waiting]()
        self._chunking: ChunkConfiguration | None = None
        self._next: tuple[float, asyncio.Task[None]] | None = None
        self._tasks = set[asyncio.Task[None]]()

    async def wait(self, poller: Poller, on_progress: Callable[[Poller], None]) -> WaitResult:
        """Wait until the poller says that the wait is over; ``on_progress`` is called after each poll."""
        waiting = Waiting(poller, on_progress)
        self._schedule_poll(waiting, FIRST_PAUSE)
        left = waiting.time_left
        try:
            return await asyncio.wait_for(waiting.result, None if left is None else max(0.0, left) + OVERTIME)
        except TimeoutError:
            # It waits for a poll that takes too long; others may keep it.
            if (end := poller.ended(waiting.clock())) is None:
                raise
            return end
        finally:
            self._schedule.remove(waiting)

    async def close(self) -> None:
        """Cancel all polls, after the last wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _schedule_poll(self, waiting: Waiting, pause: float) -> None:
        now = asyncio.get_running_loop().time()
        self._schedule.add(waiting, now, pause, time_left=waiting.time_left)
        self._plan(now)

    def _plan(self, now: float) -> None:
        """Start a task for the next poll, unless there is one."""
        due = self._schedule.due
        if due is None or (self._next is not None and self._next[0] <= due):
            return
        if self._next is not None:
            self._next[1].cancel()
        self._next = due, self._start(self._poll_at(due, max(0.0, due - now)))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # It serves several triggers, so it runs in an empty context and logs into none of their logs.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _poll_at(self, due: float, pause: float) -> None:
        await asyncio.sleep(pause)
        async with self._slots:
            now = max(due, asyncio.get_running_loop().time())
            poll = self._schedule.next_poll(now)
            self._next = None
            self._plan(now)
            if poll is not None:
                await self._run(poll)

    async def _run(self, poll: Poll[Waiting]) -> None:
        """Get all documents of a poll, and give each of its waiters its own."""
        found: dict[str, Document] | Exception
        # Those close to their deadline are never mixed with others.
        left = min((left for each in poll.waiters if (left := each.time_left) is not None), default=None)
        deadline = None if left is None else time.time() + left
        try:
            documents = await self._client.run(
                batch_get_documents(self._collection_id, poll.file_ids, team_id=self._team_id, deadline=deadline)
            )
            found = {document.file_id: document for document in documents}
            if self._chunking is None and any(map(may_be_raw_bytes, documents)):
                self._chunking = await self._client.run(
                    chunking_of(self._collection_id, team_id=self._team_id, deadline=deadline)
                )
        except Exception as error:
            if isinstance(error, _OF_ONE_DOCUMENT) and len(poll.waiters) > 1:
                # One bad document must not fail the other waits: poll for each alone.
                for each in poll.waiters:
                    await self._run(Poll([each]))
                return
            found = error
        for number, each in enumerate(poll.waiters, 1):
            each.poller.chunking = self._chunking
            if (pause := each.handle(found)) is not None:
                self._schedule_poll(each, pause)
            if not number % AT_A_TIME:
                await asyncio.sleep(0)
