"""Multipart bodies, in memory: the boundary cannot occur in a part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from airflow_provider_xai_collections.emulator.refusals import Refused

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_DISPOSITION = re.compile(r"^content-disposition:.*", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rf"[;\s]name={_QUOTED}")
_FILENAME = re.compile(rf"[;\s]filename={_QUOTED}")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part, in the order of the body. ``filename`` is ``None`` for a plain form field."""

    name: str
    filename: str | None
    content: bytes


def parse_multipart(content_type: str, body: bytes) -> list[FormPart]:
    """Take a multipart/form-data body apart.

    :raises Refused: 400 if it is none.
    """
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        raise Refused(400, "the body must be multipart/form-data with a boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Refused(400, "the multipart body does not end with its boundary")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> FormPart:
    head, _, content = piece.partition(b"\r\n\r\n")
    # HTTP libraries send names as raw UTF-8, which the parsers of mail headers do not expect.
    disposition = _DISPOSITION.search(head.decode(errors="replace"))
    name = _NAME.search(disposition[0]) if disposition else None
    if not disposition or not name:
        raise Refused(400, "a part of the multipart body has no name")
    filename = _FILENAME.search(disposition[0])
    return FormPart(_unquote(name[1]), _unquote(filename[1]) if filename else None, content)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
