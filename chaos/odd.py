"""An emulator whose answers are odd on order: what it says of documents, and the tokens between pages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.routes import find_route
from chaos.hosts import StrictEmulator

#: What one look after another sees of a document: a status, or ``None`` if it does not see the document. The last one
#: stays. (A number is what a gateway makes of a word that is too new for it.)
Script: TypeAlias = Sequence[str | int | None]

_SHOWS_DOCUMENTS = ("batch_get_documents", "list_documents")


class OddEmulator(StrictEmulator):
    """Plays a script for each document, and a circle of tokens for lists.

    :ivar scripts: by file id.
    :ivar circle: instead of going on, each list begins anew with every page, and carries these tokens in turn.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.scripts: Mapping[str, Script] = {}
        self.circle: Sequence[str] = ()
        self._looks: Counter[str] = Counter()
        self._pages = 0

    def handle(self, request: HttpRequest) -> HttpReply:
        endpoint = find_route(request).endpoint.name
        if self.circle and endpoint.startswith("list_"):
            query = tuple((name, value) for name, value in request.query if name != "pagination_token")
            reply = super().handle(replace(request, query=query))
            token = self.circle[self._pages % len(self.circle)]
            self._pages += 1
            return _with(reply, {**reply.json(), "pagination_token": token})
        reply = super().handle(request)
        if self.scripts and endpoint in _SHOWS_DOCUMENTS and reply.status == 200:
            body = reply.json()
            shown = [self._shown(document) for document in body["documents"]]
            return _with(reply, {**body, "documents": [document for document in shown if document is not None]})
        return reply

    def _shown(self, document: Json) -> Json | None:
        file_id = document["file_metadata"]["file_id"]
        if not (script := self.scripts.get(file_id)):
            return document
        status = script[min(self._looks[file_id], len(script) - 1)]
        self._looks[file_id] += 1
        return None if status is None else {**document, "status": status}


def _with(reply: HttpReply, body: Json) -> HttpReply:
    return replace(reply, body=json.dumps(body).encode())
