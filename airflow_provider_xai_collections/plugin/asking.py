"""A question to collections: what to ask xAI for, and how its answer is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from airflow_provider_xai_collections.api.identity import MANAGED_KEYS, SOURCE_URI
from airflow_provider_xai_collections.api.search import (
    DocumentsSource,
    RetrievalMode,
    RetrievalType,
    SearchDocuments,
    SearchMatch,
    SearchResults,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.plugin.choices import number_of
from airflow_provider_xai_collections.plugin.views import AnswerView, FormValues, PassageView
from airflow_provider_xai_collections.text import printable

#: Passages, unless others are chosen, and the most.
PASSAGES, MAX_PASSAGES = 10, 50
#: Characters of a question, of a passage that is shown, and of a word that is too short to be marked.
MAX_QUESTION, MAX_TEXT, SHORT = 2_000, 1_200, 3


def search_of(choice: FormValues, collection_ids: Sequence[str]) -> SearchDocuments:
    """Return the search that was asked for.

    :param collection_ids: to choose from.
    :raises XAIArgumentError: nothing was asked, or of no collection that is known.
    """
    question, chosen = choice.get("query").strip(), choice.get("collection_id")
    if not question:
        raise XAIArgumentError("Type a question")
    if len(question) > MAX_QUESTION:
        raise XAIArgumentError(f"The question has {len(question):,} characters; {MAX_QUESTION:,} are enough")
    if chosen and chosen not in collection_ids:
        raise XAIArgumentError("There is no such collection any more: choose another")
    ids = (chosen,) if chosen else tuple(collection_ids)
    if not ids:
        raise XAIArgumentError("There is no collection to search")
    mode = choice.get("mode")
    return SearchDocuments(
        query=question,
        source=DocumentsSource(collection_ids=ids),
        filter=choice.get("filter").strip() or None,
        limit=number_of(choice, "limit", PASSAGES, at_most=MAX_PASSAGES),
        retrieval_mode=RetrievalMode(type=RetrievalType(mode)) if mode in set(RetrievalType) else None,
    )


def answer_of(
    wanted: SearchDocuments, results: SearchResults, choice: FormValues, names: Mapping[str, str]
) -> AnswerView:
    """Return the answer as people see it.

    :param names: of the collections, by id.
    """
    expect = choice.get("expect").strip().casefold()
    words = tuple({word.casefold() for word in re.findall(r"\w+", wanted.query) if len(word) > SHORT})
    passages = tuple(_passage(match, words, expect, names) for match in results.matches)
    found = next((number for number, passage in enumerate(passages, 1) if passage.is_expected), 0)
    match = results.matches[found - 1] if found else None
    return AnswerView(passages, expected=found if expect else None, check=_check(wanted, match) if match else "")


def _passage(match: SearchMatch, words: tuple[str, ...], expect: str, names: Mapping[str, str]) -> PassageView:
    source = match.fields.get(SOURCE_URI, "")
    name = match.fields.get("title") or source.rpartition("/")[2] or match.file_id
    collection_id = match.collection_ids[0] if match.collection_ids else ""
    text = printable(match.text, MAX_TEXT)
    return PassageView(
        score=match.score,
        name=name,
        source=source,
        collection=names.get(collection_id, collection_id),
        collection_id=collection_id,
        page=match.page_number,
        fields=_own(match.fields),
        parts=_marked(text, words),
        is_expected=bool(expect) and any(expect in part.casefold() for part in (name, source, match.file_id)),
    )


def _own(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that are neither the provider's nor the service's, whose names have a colon."""
    return {key: value for key, value in fields.items() if key not in MANAGED_KEYS | {"title"} and ":" not in key}


def _marked(text: str, words: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """Cut a text into parts, and mark those that are words of the question or begin with one."""
    parts: list[tuple[str, bool]] = []
    for part in re.split(r"(\w+)", text):
        is_word = part.casefold().startswith(words)
        if parts and not is_word and not parts[-1][1]:
            parts[-1] = (parts[-1][0] + part, False)
        elif part:
            parts.append((part, is_word))
    return tuple(parts)


def _check(wanted: SearchDocuments, match: SearchMatch) -> str:
    """Return the task that would check each night that the document is still found."""
    mode = wanted.retrieval_mode
    arguments = {
        "task_id": "the_document_is_found",
        "query": wanted.query,
        "collection_ids": list(wanted.source.collection_ids),
        "filter": wanted.filter,
        "limit": wanted.limit,
        "retrieval_mode": {"type": str(mode.type)} if mode else None,
        "expect_file_ids": [match.file_id],
    }
    lines = (f"    {name}={value!r},\n" for name, value in arguments.items() if value is not None)
    return f"XAISearchDocumentsOperator(\n{''.join(lines)})"
