"""What no trial may leave behind: open files, sockets and threads, and a key where it can be read."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.hooks.lineage import record_output
from chaos.hosts import Place, connected
from chaos.hurry import HurriedHook
from chaos.service import API_KEY, MANAGEMENT_KEY

#: Seconds in which what was opened must be closed.
_SETTLE = 3.0


def warm_up(place: Place) -> None:
    """Let Airflow start the thread in which it looks up connections for an event loop, and which it keeps; and load
    what all providers say of assets, as it does for the first document that is added."""

    async def look_up(conn_id: str) -> None:
        hook = HurriedHook(conn_id)
        await hook.arun(_nothing())
        await hook.aclose()

    with connected(place.wires) as conn_id:
        asyncio.run(look_up(conn_id))
        record_output(HurriedHook(conn_id), "collection_1")


def _nothing() -> Flow[None]:
    yield from ()


@contextmanager
def without_collector() -> Iterator[None]:
    """Nobody closes what was forgotten: the garbage collector would, sooner or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def held() -> tuple[int, int]:
    """Open files and sockets, and threads but for those of the server."""
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("AnyIO")]
    return len(list(Path("/proc/self/fd").iterdir())), len(threads)


def still_held(before: tuple[int, int]) -> Iterable[str]:
    """What was not given back. The server takes a moment to close its ends."""
    give_up = time.monotonic() + _SETTLE
    while True:
        now_held = held()
        if all(now <= then for now, then in zip(now_held, before, strict=True)):
            return []
        if time.monotonic() > give_up:
            return [f"{now_held} files and threads are open, and {before} were before"]
        time.sleep(0.002)


def shown_keys(said: str, error: BaseException | None) -> Iterable[str]:
    """Where a key can be read."""
    texts = {"what was said": said}
    if error is not None:
        texts["the error"] = "".join(traceback.format_exception(error))
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own, as Airflow carries it
        texts["the error, pickled"] = f"{copy!r} {copy.__dict__}"
    return [f"{name} shows a key" for name, text in texts.items() if MANAGEMENT_KEY in text or API_KEY in text]
