from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_xai_collections.api.identity import (
    CONTENT_HASH,
    MANAGED_FIELDS,
    SCOPE,
    SOURCE_FINGERPRINT,
    SOURCE_URI,
    VERSION_KEY,
    SourceDocument,
    check_fields,
    fields_digest,
    managed_fields,
    text_fields,
    version_key,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from tests.support.driving import a_collection

SOURCE = SourceDocument("file:///a.txt", "a.txt", 3, "aa", "text/plain", io.BytesIO, lambda: "text/plain")


# Identity


def test_identity_is_scope_place_content_and_fields() -> None:
    keys = [
        version_key("s", SOURCE, ""),
        version_key("t", SOURCE, ""),
        version_key("s", replace(SOURCE, uri="file:///b.txt"), ""),
        version_key("s", replace(SOURCE, content_hash="bb"), ""),
        version_key("s", SOURCE, fields_digest({"year": "2024"})),
        version_key("s", SOURCE, fields_digest({"year": "2025"})),
    ]
    assert len({*keys}) == len(keys)
    assert version_key("s", replace(SOURCE, name="b", fingerprint="3-mtime:7"), "") == keys[0]


def test_the_version_key_never_changes_because_collections_hold_it() -> None:
    key = version_key("s", SOURCE, fields_digest({"year": "2024"}))
    assert key == "efe4fa7d1ffdac9e708a10215b4422eaca5e8287fe9234aa27c3c97b34055134"


def test_a_digest_is_of_the_users_fields_in_any_order() -> None:
    fields = {"year": "2024", "kind": "law"}
    assert fields_digest(fields) == fields_digest(dict(reversed(fields.items()))) != ""
    assert fields_digest({**fields, **managed_fields("s", SOURCE, "")}) == fields_digest(fields)
    assert fields_digest(managed_fields("s", SOURCE, "")) == fields_digest({}) == ""


def test_a_document_carries_its_identity_in_the_fields_that_are_declared() -> None:
    fields = managed_fields("s", SOURCE, "digest")
    assert fields.keys() == {definition.key for definition in MANAGED_FIELDS} - {SOURCE_FINGERPRINT}
    assert (fields[SCOPE], fields[SOURCE_URI], fields[CONTENT_HASH]) == ("s", "file:///a.txt", "aa")
    assert fields[VERSION_KEY] == version_key("s", SOURCE, "digest")
    seen = managed_fields("s", replace(SOURCE, fingerprint="3-mtime:7"), "digest")
    assert seen == {**fields, SOURCE_FINGERPRINT: "3-mtime:7"}


def test_a_source_is_uploaded_under_its_name_and_type() -> None:
    upload = SOURCE.upload()
    assert (upload.filename, upload.size, upload.content_type) == ("a.txt", 3, "text/plain")


# The user's fields


def test_a_required_field_that_is_missing_is_named_unless_it_is_ours() -> None:
    required = [definition.model_copy(update={"required": True}) for definition in MANAGED_FIELDS]
    strict = a_collection(field_definitions=[{"key": "year", "required": True}, {"key": "kind"}, *required])
    assert check_fields(strict, {"year": "2024", "undeclared": "x"}) == {"year": "2024", "undeclared": "x"}
    assert check_fields(a_collection(), {}) == {}
    with pytest.raises(XAIArgumentError, match="docs requires the field year of every document"):
        check_fields(strict, {"kind": "law"})


def test_fields_of_the_provider_are_refused_because_they_would_be_overwritten() -> None:
    with pytest.raises(XAIArgumentError, match="fields names airflow_scope, airflow_version_key, which this provider"):
        check_fields(a_collection(), {VERSION_KEY: "x", SCOPE: "x"})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"": "x"}, "fields has an empty key"),
        ({"year": 2024, "kind": "law", 7: "x"}, r"these are not: 'year' \(int\), 7 \(str\)$"),
        ({"year": "2024", "kind": "caf\udce9"}, "these have bytes that are none: 'kind'$"),
    ],
)
def test_fields_that_are_not_text_are_named_without_their_values(fields: Any, said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        text_fields(fields)
    with pytest.raises(XAIArgumentError, match=said):
        check_fields(a_collection(), fields)
