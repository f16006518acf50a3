"""Switches: every open point of the wire, with each answer that it may have.

A default is what is known or likely of the live service. A client that works with every value works with xAI.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES
from airflow_provider_xai_collections.emulator.delay import Delay
from airflow_provider_xai_collections.emulator.refusals import ErrorShape

ViolationStatus: TypeAlias = Literal[400, 409, 422]
PaginationEnd: TypeAlias = Literal["absent", "empty", "always", "repeat", "first_page"]


def _as_text(value: object) -> object:
    """Make a word of a number on a command line."""
    return str(value) if type(value) is int else value


OutOfCredits: TypeAlias = Annotated[Literal["429", "403", "429_everywhere"], BeforeValidator(_as_text)]


def _check_delay(text: str) -> str:
    Delay.parse(text)
    return text


DelayText: TypeAlias = Annotated[str, AfterValidator(_check_delay)]


@dataclass(
    frozen=True,
    slots=True,
    kw_only=True,
    config=ConfigDict(extra="forbid", use_attribute_docstrings=True),
)
class Settings:
    """Switches: what the emulator accepts and how it behaves. Unknown names and values are refused.

    The text below each switch is what ``--help`` says of it.
    """

    # Keys. Each opens one host only.
    management_key: str = "emulator-management-key"
    """Key of everything under /v1/collections."""
    api_key: str = "emulator-api-key"
    """Key of files and searches."""
    team_id: str = "00000000-0000-4000-8000-000000000000"
    """Team that both keys belong to."""
    wrong_api_key_status: Literal[400, 401] = 401
    """Status of a wrong API key; 400 is what some callers have got, with a text that names the API key."""

    # Indexing.
    indexing: DelayText = "instant"
    """Time until a document is processed: instant, reads:N (a state further each N reads of the document) or seconds:S
    (the whole path)."""
    stuck: tuple[str, ...] = ()
    """Names (such as "*.pdf") of documents that never get further than PROCESSING."""
    fail_names: tuple[str, ...] = ()
    """Names of documents that end FAILED."""
    unknown_status_word: str | None = None
    """A status nobody has heard of, shown after PROCESSING."""
    last_indexed_at_null: bool = False
    """Leave last_indexed_at null."""

    # Lag: how often a thing is hidden that is there already.
    get_lag_reads: NonNegativeInt = 0
    """The first N reads of a document that was just attached do not find it."""
    list_lag_reads: NonNegativeInt = 0
    """The first N lists do not show a document that was just attached."""
    search_lag: DelayText = "instant"
    """Searches miss a processed document: instant (not at all), reads:N (the first N searches) or seconds:S."""

    # Fields.
    undeclared_fields: Literal["refuse", "drop", "keep"] = "refuse"
    """Fields that the collection does not define: refuse the document, or attach it without them (or with them)."""
    add_existing_field: Literal["update", "refuse"] = "update"
    """FIELD_DEFINITION_ADD of a key that is defined already."""
    new_required_field: Literal["refuse", "accept"] = "refuse"
    """FIELD_DEFINITION_ADD of a new key that is required."""

    # Documents.
    attach_twice: Literal["conflict", "ok"] = "conflict"
    """Attaching a document that is attached: ok answers {} and leaves it, its fields included, as it was."""
    required_violation_status: ViolationStatus = 400
    """Status of a document that lacks a required field."""
    unique_violation_status: ViolationStatus = 409
    """Status of a document that repeats the value of a unique field."""
    violation_text: str | None = None
    """Text of both refusals, instead of the emulator's own words."""
    batch_get_unknown: Literal["omit", "error"] = "omit"
    """An id in batchGet that is not in the collection: left out, or an error."""
    batch_get_max: PositiveInt | None = None
    """Most ids that batchGet takes."""
    batch_get_max_status: Literal[400, 413, 414] = 400
    """Status of a batchGet with more."""
    batch_get_status: Literal[400, 404, 405] | None = None
    """Status of any batchGet, whatever the ids: as by a gateway that does not route :batchGet."""
    direct_upload_answer: Literal["document", "empty", "error"] = "document"
    """Answer to the call that uploads and attaches; error is the 500 that names a cf-ip… header."""
    direct_upload_status: Literal[404, 405] | None = None
    """Status of that call, as by a gateway that does not route it."""

    # Files.
    files_text: Literal["raw", "extract"] = "raw"
    """Text of what POST /v1/files took: raw makes chunks of a PDF's bytes and fails Office files, as has been seen;
    extract reads both as the one call does."""
    empty_file: Literal["accept", "refuse", "fail"] = "accept"
    """An upload without a byte; fail takes the file and fails it when it is indexed."""
    delete_attached_file: Literal["detach", "refuse"] = "detach"
    """Deleting a file that is attached: detach takes its documents along, refuse answers 409."""
    max_file_bytes: PositiveInt = MAX_UPLOAD_BYTES
    """Most bytes of POST /v1/files."""
    max_document_bytes: PositiveInt = MAX_DOCUMENT_BYTES
    """Most bytes of the one call that uploads and attaches."""
    max_files: PositiveInt | None = None
    """Files that the team has room for; null means no limit."""
    full_status: Literal[400, 403, 429] = 400
    """Status of an upload when there is no room."""
    files_order: Literal["descending", "ascending"] = "descending"
    """Order of a list of files whose caller names none."""

    # Searches.
    json_chunks: bool = False
    """Make the text of a passage JSON that has the text in it: [{"page_number": 0, "text": "…"}]."""

    # Answers.
    error_shape: ErrorShape = "recorded"
    """Body of an error; recorded lets each host answer in its own way."""
    empty_arrays: Literal["list", "null", "absent"] = "list"
    """An empty list in an answer."""
    pagination_end: PaginationEnd = "absent"
    """End of a list: no token (absent); an empty one; a new one that leads to an empty page (always); that of the last
    page again (repeat); or no end, each token brings the first page again (first_page)."""
    files_pagination_end: PaginationEnd = "always"
    """End of a list of files; the live one has been seen to return a token always."""
    max_page: Annotated[int, Field(ge=1, le=100)] = 100
    """Most entries of a page, whatever limit asks for."""
    filter_precedence: Literal["or", "and"] = "or"
    """Operator that binds tighter in the filter a AND b OR c: OR, as AIP-160 says, or AND, as in most languages."""

    # Limits.
    out_of_credits: OutOfCredits | None = None
    """The team has no credits: creating collections and searching are refused with this status while uploads succeed;
    429_everywhere refuses uploads and attaches as well."""
    rate_limit: PositiveInt | None = None
    """Calls a second; above it 429. null means no limit."""
    rate_limit_of: Literal["team", "key"] = "team"
    """Whose calls are counted: those of the team, with both keys, or those of each key."""
    retry_after_on_429: bool = True
    """Send Retry-After with such a 429."""
    max_kept_bytes: PositiveInt | None = None
    """Keep only the beginning and the end of a longer body: for trials with more data than fit here."""
