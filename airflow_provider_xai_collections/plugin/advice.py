"""Advice about documents that xAI could not index, by the reason that it gave."""

from __future__ import annotations

#: A part of a reason in lower case, and what to do. The first that fits is taken.
_KNOWN = (
    (
        ("encrypted", "password"),
        "Ask its owner for a version without a password, and put it in the same place: the next run replaces the "
        "document. Or leave it out with exclude.",
    ),
    (
        ("does not contain readable text", "format not supported", "unsupported"),
        "Look into one of the files. A scan or a picture has no text: run text recognition before the sync. An Office "
        "file that opens normally: upload_method='auto' sends it with its type, where xAI takes that. To leave such "
        "files out, name them in exclude.",
    ),
    (
        ("missing required field", "required field"),
        "The collection demands a field. Set it where the Dag adds documents, with fields or make_fields: the next run "
        "adds them again.",
    ),
    (
        ("ledger", "internal", "unavailable", "timeout", "timed out", "storage"),
        "This failed at the service; the file is fine. The next run with retry_failed=True tries again. If that has "
        "failed too, write to xAI's support with the file id.",
    ),
    (
        ("too large", "exceeds"),
        "The file is larger than xAI takes. Split it at its source, or leave it out with exclude.",
    ),
)
_OTHERWISE = (
    "Open the file: if it is damaged or of another type than its name says, fix it at its source, and the next run "
    "replaces it. If it is fine, retry_failed=True uploads it again."
)


def advice_for(reason: str) -> str:
    """Return what to do about documents that failed for this reason."""
    lower = reason.casefold()
    return next((advice for parts, advice in _KNOWN if any(part in lower for part in parts)), _OTHERWISE)
