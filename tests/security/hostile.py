"""Words by which a service, or whoever names files, may do harm."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from airflow_provider_xai_collections.api.protocol import Endpoint, Request, Upload
from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest
from airflow_provider_xai_collections.emulator.routes import find_route
from tests.conftest import RecordingEmulator

#: Begins the line that the words below try to put into a log.
FORGED = "2026-01-01 00:00:00 CRITICAL forged"
MEGABYTE = 1_000_000
#: Looks like a key of xAI's, and is nobody's.
KEY = "xai-" + "k" * 40

WORDS = {
    "a line of its own": f"fine\r\n{FORGED}",
    "other line ends": f"fine\x0b{FORGED}\x0c{FORGED}\x85{FORGED}\u2028{FORGED}",
    "a terminal's escapes": "\x1b[2J\x1b[31mred\x1b]0;title\x07\x1b]8;;http://evil\x1b\\",
    "eight-bit escapes": "\x9b2J\x9d0;title\x9c",
    "erased": f"gone\b\b\b\b\x7f\r{FORGED}",
    "turned around": "gnp.\u202ecod\u2066\u200b",
    "a template": "{{ 7 * 999983 }}{% for x in ().__class__.__bases__ %}{{ x }}{% endfor %}{{ conn.xai.password }}",
    "a format": "%s %(message)s %n {0} {self.__class__} ${HOME} `id`",
    "a megabyte": "m" * MEGABYTE,
    "a key": f"the key {KEY}",
    "nothing but NUL": "\0" * 50,
}

#: What tasks are tried with, which takes longer: all that is short at once, and what is long.
FEW_WORDS = {
    "all at once": f"\x1b[2J\b\x7f\0\x9b2J\u202e{{{{ 7 * 999983 }}}}%s%(message)s\r\n"
    f"{FORGED}\u2028{FORGED}\x85{FORGED} {KEY}",
    "a megabyte": WORDS["a megabyte"],
}
UPLOAD = Upload("moby.md", lambda: io.BytesIO(b"Call me Ishmael."), 16)


def request_about(endpoint: Endpoint[Any], subject: str) -> Request[Any]:
    """A request in whose path ``subject`` is every id."""
    params: dict[str, Any] = {
        "collection_name": "whales",
        "file_ids": ("f",),
        "name": "moby.md",
        "query": "whale",
        "source": {"collection_ids": ("c",)},
        "upload": UPLOAD,
    }
    wanted = {name: value for name, value in params.items() if name in endpoint.params.model_fields}
    return endpoint.request(**wanted, **dict.fromkeys(endpoint.path_params, subject))


def rewriting(
    emulator: RecordingEmulator, word: str, keys: Collection[str], endpoints: Collection[str] | None = None
) -> None:
    """From now on the service says ``word`` wherever a text stands under one of ``keys``; the values of ``fields``
    count as if they stood under that key."""
    handle: Callable[[HttpRequest], HttpReply] = emulator.handle

    def hostile(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        named = find_route(request).endpoint.name
        if reply.status != 200 or (endpoints is not None and named not in endpoints):
            return reply
        return replace(reply, body=json.dumps(_with(json.loads(reply.body), word, keys)).encode())

    emulator.handle = hostile  # type: ignore[method-assign]


def _with(value: Any, word: str, keys: Collection[str], key: str = "") -> Any:
    if isinstance(value, dict):
        if key == "fields" and key in keys:
            return {**value, "said": word, word[:1000]: "said"}
        return {name: _with(each, word, keys, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_with(each, word, keys, key) for each in value]
    return word if key in keys and isinstance(value, str | None) else value
