"""The command that searches a collection."""

from __future__ import annotations

import argparse
import re

from rich.text import Text

from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.cli.main import FINE, NOT_AS_WANTED
from airflow_provider_xai_collections.cli.output import Output
from airflow_provider_xai_collections.cli.session import open_session
from airflow_provider_xai_collections.manifests.search import Passage
from airflow_provider_xai_collections.tables import NO_PASSAGE, PASSAGE, score_of, source_of
from airflow_provider_xai_collections.text import printable

#: Characters of a passage that programs get.
LONGEST_PASSAGE = 100_000
#: Words of a question that are too short to be highlighted.
SHORT = 3


def search(options: argparse.Namespace, output: Output) -> int:
    """Search a collection; exit code 1 if nothing is found."""
    with open_session(options.conn_id, options.team_id) as session:
        collection = session.existing(options.collection)
        request = SEARCH_DOCUMENTS.request(
            query=options.query,
            source={"collection_ids": [collection.collection_id]},
            limit=options.limit,
            filter=options.filter,
        )
        matches = session.run(call(request)).matches
    if not output.is_for_people:
        output.rows([Passage.of(match, LONGEST_PASSAGE, managed_fields=True).dump() for match in matches])
    else:
        for match in matches:
            _show_passage(output, match, options.query)
        if not matches:
            output.say(NO_PASSAGE)
    return FINE if matches else NOT_AS_WANTED


def _show_passage(output: Output, match: SearchMatch, query: str) -> None:
    page = f", page {match.page_number}" if match.page_number else ""
    output.out.print(Text(f"{score_of(match)}  {source_of(match)}{page}", style="bold"))
    text = Text(printable(match.text, PASSAGE))
    for word in {word for word in re.findall(r"\w+", query) if len(word) > SHORT}:
        text.highlight_regex(rf"(?i)\b{re.escape(word)}\w*", "bold yellow")
    output.out.print(text)
    output.out.print()
