"""Credits of the team: calls that are refused when there are none."""

from __future__ import annotations

from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.settings import Settings

#: While creating collections was refused, uploads still succeeded. [rec]
_BILLED = frozenset({"create_collection", "search_documents"})
_EVERYWHERE = _BILLED | {"upload_file", "upload_document", "add_document"}


def check_credits(settings: Settings, endpoint: str) -> None:
    """Refuse a call for which the team cannot pay.

    :raises Refused: 429 or 403, as the switch says, without ``Retry-After``.
    """
    refused = _EVERYWHERE if settings.out_of_credits == "429_everywhere" else _BILLED
    if settings.out_of_credits is None or endpoint not in refused:
        return
    message = (
        f"Your team {settings.team_id} has either used all available credits or reached its monthly spending limit. "
        "To continue making API requests, please purchase more credits or raise your spending limit."
    )
    if settings.out_of_credits == "403":
        raise Refused(403, message, shape="flat")
    raise Refused(429, message, is_final=True)
