"""Which way documents take."""

from __future__ import annotations

from enum import StrEnum


class UploadMethod(StrEnum):
    """How content reaches a collection.

    ``FILES``: ``POST /v1/files``, then attach; the way of the reference, up to 50 MB. ``DIRECT``: one multipart call
    that carries a content type, up to 100 MB; described in xAI's metadata guide, not in its reference.
    """

    FILES = "files"
    DIRECT = "direct"
