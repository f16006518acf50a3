"""The switches: every point of the wire that nobody has shown, with each answer it may have.

A default is what is known or likely of the live service. A client that works with every value works with xAI.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES
from airflow_provider_xai_collections.emulator.pace import Pace
from airflow_provider_xai_collections.emulator.refusals import ErrorShape

ViolationStatus: TypeAlias = Literal[400, 409, 422]
#: End of a list: no token; an empty one; a new one that leads to an empty page; the token of the last page again, on
#: which a trusting client turns for ever. Or there is no end: each token, a new one, brings the first page again, as
#: the live list of files has been seen to do.
PaginationEnd: TypeAlias = Literal["absent", "empty", "always", "repeat", "first_page"]


def _as_text(value: object) -> object:
    """A number on a command line that is a word of a switch."""
    return str(value) if type(value) is int else value


OutOfCredits: TypeAlias = Annotated[Literal["429", "403", "429_everywhere"], BeforeValidator(_as_text)]


def _check_pace(text: str) -> str:
    Pace.parse(text)
    return text


PaceText: TypeAlias = Annotated[str, AfterValidator(_check_pace)]


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Settings:
    """What the emulator accepts and how it behaves. Unknown names and values are refused."""

    # Keys. Each opens one host only.
    management_key: str = "emulator-management-key"
    api_key: str = "emulator-api-key"
    team_id: str = "00000000-0000-4000-8000-000000000000"
    #: 400 is what some callers have got, with a text that names the API key.
    wrong_api_key_status: Literal[400, 401] = 401

    # Indexing: ``instant``, ``reads:N`` (a state further each N reads of the document), ``seconds:S`` (the whole path).
    indexing: PaceText = "instant"
    #: Names (fnmatch) of documents that never get further than PROCESSING, and of those that end FAILED.
    stuck: tuple[str, ...] = ()
    fail_names: tuple[str, ...] = ()
    #: A status nobody has heard of, shown after PROCESSING.
    unknown_status_word: str | None = None
    last_indexed_at_null: bool = False

    # Lag: how often a thing is hidden that is there already.
    get_lag_reads: NonNegativeInt = 0
    list_lag_reads: NonNegativeInt = 0
    #: ``instant``, ``reads:N`` (the first N searches miss a PROCESSED document) or ``seconds:S``.
    search_lag: PaceText = "instant"

    # Fields.
    #: Keys of ``fields`` that the collection does not define: the document is refused, or attached without them (or
    #: with them).
    undeclared_fields: Literal["refuse", "drop", "keep"] = "refuse"
    #: ``FIELD_DEFINITION_ADD`` of a key that is defined already.
    add_existing_field: Literal["update", "refuse"] = "update"
    #: ``FIELD_DEFINITION_ADD`` of a new key with ``required``.
    new_required_field: Literal["refuse", "accept"] = "refuse"

    # Documents.
    #: ``ok`` answers ``{}`` and leaves the document, its fields included, as it was.
    attach_twice: Literal["conflict", "ok"] = "conflict"
    required_violation_status: ViolationStatus = 400
    unique_violation_status: ViolationStatus = 409
    #: Instead of the emulator's own words.
    violation_text: str | None = None
    batch_get_unknown: Literal["omit", "error"] = "omit"
    batch_get_max: PositiveInt | None = None
    batch_get_max_status: Literal[400, 413, 414] = 400
    #: ``batchGet`` is refused, whatever the ids: as by a gateway that does not route ``:batchGet``.
    batch_get_status: Literal[400, 404, 405] | None = None
    #: ``error`` is the 500 that names a ``cf-ip…`` header.
    direct_upload_answer: Literal["document", "empty", "error"] = "document"
    #: The one call that uploads and attaches is refused, as by a gateway that does not route it.
    direct_upload_status: Literal[404, 405] | None = None

    # Files.
    #: Of what ``POST /v1/files`` took: ``raw`` makes chunks of a PDF's bytes and fails Office files, as has been seen;
    #: ``extract`` reads both as the one call does.
    files_text: Literal["raw", "extract"] = "raw"
    #: ``fail`` takes the file and fails it when it is indexed.
    empty_file: Literal["accept", "refuse", "fail"] = "accept"
    #: ``detach`` takes the documents of a deleted file along, ``refuse`` answers 409 while there are any.
    delete_attached_file: Literal["detach", "refuse"] = "detach"
    max_file_bytes: PositiveInt = MAX_UPLOAD_BYTES
    max_document_bytes: PositiveInt = MAX_DOCUMENT_BYTES
    #: How many files the team has room for, and what one more is answered with. ``None`` means no limit.
    max_files: PositiveInt | None = None
    full_status: Literal[400, 403, 429] = 400
    #: Order of a list of files whose caller names none.
    files_order: Literal["descending", "ascending"] = "descending"

    # Searches.
    #: The text of a passage is JSON that has the text in it: ``[{"page_number": 0, "text": "…"}]``.
    json_chunks: bool = False

    # Answers.
    error_shape: ErrorShape = "recorded"
    empty_arrays: Literal["list", "null", "absent"] = "list"
    pagination_end: PaginationEnd = "absent"
    #: The live list of files has been seen to return a token always.
    files_pagination_end: PaginationEnd = "always"
    #: The most that a page holds, whatever ``limit`` asks for.
    max_page: Annotated[int, Field(ge=1, le=100)] = 100
    #: What ``a AND b OR c`` means in a filter: AIP-160 lets OR bind tighter, most languages AND.
    filter_precedence: Literal["or", "and"] = "or"

    # Limits.
    #: The team has no credits: creating collections and searching are refused with this status while uploads succeed;
    #: ``429_everywhere`` refuses uploads and attaches as well.
    out_of_credits: OutOfCredits | None = None
    #: Calls a second; above it 429. ``None`` means no limit.
    rate_limit: PositiveInt | None = None
    #: Whose calls are counted: those of the ``team``, with both keys, or those of each ``key``.
    rate_limit_of: Literal["team", "key"] = "team"
    retry_after_on_429: bool = True
    #: Of a longer body only the beginning and the end are kept: for trials with more data than fit here.
    max_kept_bytes: PositiveInt | None = None
