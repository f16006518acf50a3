from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.identity import (
    CONTENT_HASH,
    MANAGED_FIELDS,
    SCOPE,
    SOURCE_FINGERPRINT,
    SOURCE_URI,
    VERSION_KEY,
    Action,
    PlannedDocument,
    SourceDocument,
    check_fields,
    digest_of,
    keeps_other_fields,
    managed_fields,
    plan_ingestion,
    text_fields,
    version_key,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from tests.api.driving import a_collection, a_document

FINAL = {"PROCESSED": Action.KEEP, "FAILED": Action.REPAIR}
STATUSES = ("PROCESSED", "FAILED", "PROCESSING", "CHUNKED", "UNKNOWN", "DREAMING")


def a_source(uri: str = "file:///a.txt", content_hash: str = "aa") -> SourceDocument:
    return SourceDocument(uri, "a.txt", 3, content_hash, "text/plain", io.BytesIO, lambda: "text/plain")


def held(source: SourceDocument, status: str = "PROCESSED", *, scope: str = "s", file_id: str = "f") -> Document:
    return a_document(file_id, f"DOCUMENT_STATUS_{status}", fields=managed_fields(scope, source))


def actions(*args: Any) -> list[Action]:
    return [planned.action for planned in plan_ingestion(*args).documents]


# Identity


def test_identity_is_scope_place_and_content() -> None:
    keys = {
        version_key("s", a_source()),
        version_key("t", a_source()),
        version_key("s", a_source(uri="file:///b.txt")),
        version_key("s", a_source(content_hash="bb")),
    }
    assert len(keys) == 4
    assert version_key("s", a_source()) == version_key("s", a_source())


def test_the_version_key_never_changes_because_collections_hold_it() -> None:
    assert version_key("s", a_source()) == "ac949176efb785de29b5b0c8641a63137a53419b0bc44ec96267954c729af2e5"


def test_other_metadata_makes_another_version_where_it_counts_and_so_does_none() -> None:
    keys = {version_key("s", a_source(), metadata) for metadata in (None, "", digest_of({"a": "1"}))}
    assert len(keys) == 3
    assert managed_fields("s", a_source(), "")[VERSION_KEY] == version_key("s", a_source(), "")


def test_a_document_remembers_what_its_file_looked_like() -> None:
    seen = SourceDocument(
        "file:///a.txt", "a.txt", 3, "aa", None, io.BytesIO, lambda: "text/plain", fingerprint="3-mtime:7"
    )
    assert managed_fields("s", seen)[SOURCE_FINGERPRINT] == "3-mtime:7"
    assert version_key("s", seen) == version_key("s", a_source())


def test_a_document_carries_its_identity_in_the_fields_we_declare() -> None:
    fields = managed_fields("s", a_source())
    assert fields.keys() == {definition.key for definition in MANAGED_FIELDS} - {SOURCE_FINGERPRINT}
    assert (fields[SCOPE], fields[SOURCE_URI], fields[CONTENT_HASH]) == ("s", "file:///a.txt", "aa")
    assert fields[VERSION_KEY] == version_key("s", a_source())


def test_a_source_is_uploaded_under_its_name_and_type() -> None:
    upload = a_source().upload()
    assert (upload.filename, upload.size, upload.content_type) == ("a.txt", 3, "text/plain")


# The user's fields


def test_a_field_without_a_name_is_refused() -> None:
    with pytest.raises(XAIArgumentError, match="fields has an empty key"):
        text_fields({"": "x"})


STRICT = a_collection(field_definitions=[{"key": "year", "required": True}, {"key": "kind"}, *MANAGED_FIELDS])


def test_fields_the_collection_would_take_pass() -> None:
    assert check_fields(STRICT, {"year": "2024", "undeclared": "x"}) == {"year": "2024", "undeclared": "x"}
    assert check_fields(a_collection(), {}) == {}


def test_a_required_field_that_is_missing_is_named() -> None:
    with pytest.raises(XAIArgumentError, match="the collection c requires the field year of every document"):
        check_fields(STRICT, {"kind": "law"})


def test_a_required_field_of_ours_is_not_the_users_to_pass() -> None:
    required = [definition.model_copy(update={"required": True}) for definition in MANAGED_FIELDS]
    assert check_fields(a_collection(field_definitions=required), {}) == {}


def test_fields_of_ours_are_refused_because_they_would_be_overwritten() -> None:
    with pytest.raises(XAIArgumentError, match="fields names airflow_scope, airflow_version_key, which this provider"):
        check_fields(a_collection(), {VERSION_KEY: "x", SCOPE: "x"})


def test_fields_that_are_not_text_are_named_without_their_values() -> None:
    fields: Any = {"year": 2024, "kind": "law", 7: "x"}
    with pytest.raises(XAIArgumentError, match=r"these are not: 'year' \(int\), 7 \(str\)$"):
        check_fields(a_collection(), fields)


def test_names_on_disk_that_are_no_text_are_no_metadata() -> None:
    with pytest.raises(XAIArgumentError, match=r"these hold bytes that are none: 'kind'$"):
        check_fields(a_collection(), {"year": "2024", "kind": "caf\udce9"})


# Planning


def test_a_plan_reads_as_what_there_is_to_do() -> None:
    existing = [held(a_source(uri=status), status) for status in ("PROCESSED", "FAILED", "PROCESSING")]
    sources = [a_source(uri=uri) for uri in ("new", "newer", "PROCESSED", "FAILED", "PROCESSING")]
    assert str(plan_ingestion("s", sources, existing)) == "2 to add, 1 to keep, 1 to await, 1 to repair"
    assert str(plan_ingestion("s", [], existing)) == "nothing to do"


def test_what_is_not_there_is_added() -> None:
    assert actions("s", [a_source()], []) == [Action.ADD]


@pytest.mark.parametrize("status", STATUSES)
def test_what_is_there_is_kept_awaited_or_repaired(status: str) -> None:
    plan = plan_ingestion("s", [a_source()], [held(a_source(), status)])
    assert [planned.action for planned in plan.documents] == [FINAL.get(status, Action.AWAIT)]
    assert plan.documents[0].held == held(a_source(), status)


def test_changed_content_is_added_and_the_older_version_counted() -> None:
    new = a_source(content_hash="bb")
    plan = plan_ingestion("s", [new], [held(a_source()), held(new, "FAILED"), held(a_source(uri="file:///b.txt"))])
    assert [planned.action for planned in plan.documents] == [Action.REPAIR]
    assert plan.older_versions == 1


def test_documents_of_others_are_no_matter() -> None:
    stranger = a_document("f", fields={"year": "2024"})
    forged = a_document("g", fields={**managed_fields("s", a_source()), SCOPE: "t"})
    plan = plan_ingestion("s", [a_source()], [stranger, forged, held(a_source(), scope="t")])
    assert [planned.action for planned in plan.documents] == [Action.ADD]
    assert plan.older_versions == 0


def test_of_two_copies_the_one_furthest_along_counts() -> None:
    copies = [held(a_source(), status, file_id=status) for status in ("FAILED", "PROCESSED", "CHUNKED")]
    (planned,) = plan_ingestion("s", [a_source()], copies).documents
    assert planned.held is not None
    assert planned.held.file_id == "PROCESSED"


SOURCES = st.lists(
    st.builds(a_source, st.sampled_from(["file:///a", "file:///b", "file:///c"]), st.sampled_from(["1", "2", "3"])),
    max_size=6,
)
EXISTING = st.lists(
    st.builds(
        lambda source, status, scope: held(source, status, scope=scope),
        st.builds(a_source, st.sampled_from(["file:///a", "file:///b", "file:///z"]), st.sampled_from(["1", "2", "3"])),
        st.sampled_from(STATUSES),
        st.sampled_from(["s", "t"]),
    ),
    max_size=8,
)


@given(SOURCES, EXISTING, st.randoms(use_true_random=False))
def test_a_plan_depends_on_what_is_there_not_on_its_order(
    sources: list[SourceDocument], existing: list[Document], random: Any
) -> None:
    plan = plan_ingestion("s", sources, existing)
    shuffled = random.sample(existing, len(existing))
    again = plan_ingestion("s", iter(sources), iter(shuffled))
    assert [planned.action for planned in again.documents] == [planned.action for planned in plan.documents]
    assert again.older_versions == plan.older_versions
    assert [planned.source for planned in plan.documents] == sources


@given(SOURCES, EXISTING)
def test_once_a_plan_is_done_there_is_nothing_left_to_do(
    sources: list[SourceDocument], existing: list[Document]
) -> None:
    plan = plan_ingestion("s", sources, existing)
    repaired = [planned.held for planned in plan.documents if planned.action is Action.REPAIR]
    settled = [document for document in existing if document not in repaired]
    settled += [held(planned.source) for planned in plan.documents if planned.action is not Action.KEEP]
    assert set(actions("s", sources, settled)) <= {Action.KEEP}


@pytest.mark.parametrize(
    ("status", "fields", "keeps"),
    [
        ("PROCESSED", {"year": "2024"}, False),
        ("PROCESSED", {"year": "2025"}, True),
        ("EMBEDDING", {"month": "May"}, True),
        ("FAILED", {"year": "2025"}, False),
    ],
)
def test_a_document_that_is_there_keeps_its_fields(status: str, fields: dict[str, str], keeps: bool) -> None:
    held = a_document("f", f"DOCUMENT_STATUS_{status}", fields={"year": "2024"})
    source = SourceDocument("file:///a", "a", 1, "aa", None, io.BytesIO, lambda: "text/plain")
    assert keeps_other_fields(PlannedDocument(source, held), fields) is keeps
    assert not keeps_other_fields(PlannedDocument(source, None), fields)
