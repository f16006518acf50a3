"""An emulator of xAI's Collections API, to develop and test against without a key.

>>> from airflow_provider_xai_collections.emulator import Emulator, FaultRule, HttpRequest, Settings
>>> emulator = Emulator(Settings(indexing="reads:1"), faults=[FaultRule(endpoint="upload_file", nth=(1,), status=503)])

``emulator.handle(HttpRequest(...))`` answers in process; ``with running(emulator) as server`` serves on loopback, as
``python -m airflow_provider_xai_collections.emulator`` does from a shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_xai_collections.emulator.faults import FaultRule
from airflow_provider_xai_collections.emulator.messages import HttpReply, HttpRequest
from airflow_provider_xai_collections.emulator.service import Emulator
from airflow_provider_xai_collections.emulator.settings import Settings
from airflow_provider_xai_collections.emulator.store import Store

if TYPE_CHECKING:
    from airflow_provider_xai_collections.emulator.server import running

__all__ = ["Emulator", "FaultRule", "HttpReply", "HttpRequest", "Settings", "Store", "running"]


def __getattr__(name: str) -> Any:
    # Starlette and uvicorn are an extra, and only the server needs them.
    if name == "running":
        from airflow_provider_xai_collections.emulator.server import running

        return running
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
