"""Arguments that are wrong: each is named, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIReindexDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.operators.stage import Xai, run

CHARS = {"chars_configuration": {"max_chunk_size_chars": 500, "chunk_overlap_chars": 50}}
TOKENS = {"tokens_configuration": {"max_chunk_size_tokens": 64, "chunk_overlap_tokens": 8}}
YEAR = {"key": "year", "unique": True}

#: Arguments that are right.
GIVEN: dict[type[Any], dict[str, Any]] = {
    XAICreateCollectionOperator: {"collection_name": "whales"},
    XAIUpdateCollectionOperator: {"collection_id": "collection_1"},
    XAIDeleteCollectionOperator: {"collection_id": "collection_1", "delete_files": True},
    XAIAddDocumentsOperator: {"collection_id": "collection_1", "file_ids": ["file_1"]},
    XAIRemoveDocumentsOperator: {"collection_id": "collection_1"},
    XAIReindexDocumentsOperator: {"collection_id": "collection_1"},
    XAIDeleteUnattachedFilesOperator: {},
    XAISearchDocumentsOperator: {"query": "whale", "collection_ids": ["collection_1"]},
    XAIIngestDocumentsOperator: {"collection_name": "whales", "paths": __file__},
    XAISyncCollectionOperator: {"collection_name": "whales", "source": __file__},
}
#: They look the collection up first.
LOOKING = (XAIIngestDocumentsOperator, XAISyncCollectionOperator)
#: Arguments that take the place of these, and what is said of them.
WRONG: dict[type[Any], list[tuple[dict[str, Any], str]]] = {
    XAICreateCollectionOperator: [
        ({"if_exists": "replace"}, "if_exists is 'replace'; choose one of reuse, update, fail"),
        ({"chunk_configuration": {"strip_whitespace": True}}, "chunk_configuration.*exactly one"),
        ({"chunk_configuration": {**CHARS, **TOKENS}}, "chunk_configuration.*exactly one"),
        ({"collection_name": ""}, "collection_name"),
        ({"metric_space": "MANHATTAN"}, "metric_space.*HNSW_METRIC_COSINE"),
        ({"field_definitions": [{"required": True}]}, "field_definitions.0.key"),
        ({"field_definitions": [{"key": "year", "unik": True}]}, "unik"),
    ],
    XAIUpdateCollectionOperator: [
        (
            {"delete_fields": ["year", "author"]},
            r"delete_fields names year, author: deleting a field erases its values.*pass allow_field_delete=True",
        ),
        ({"delete_fields": {"year": 7}}, "delete_fields must be a list of keys of fields"),
        ({"delete_fields": [7.5]}, "item 0 of delete_fields is 7.5; it must be text"),
        ({"add_fields": "{{ year }}"}, "add_fields must be a list of field definitions"),
        ({"add_fields": [{"key": "year", "unik": True}]}, "unik"),
        ({"add_fields": [{"unique": True}]}, "field_definition.key"),
        ({"add_fields": [YEAR, YEAR]}, "year: a field can be added, changed or deleted once in an update"),
        (
            {"add_fields": [YEAR], "delete_fields": ["year"], "allow_field_delete": True},
            "year: a field can be added, changed or deleted once",
        ),
        ({"new_collection_name": ""}, "collection_name"),
        ({"chunk_configuration": {"strip_whitespace": True}}, "chunk_configuration.*exactly one"),
    ],
    XAIDeleteCollectionOperator: [
        ({"if_missing": "shrug"}, "if_missing is 'shrug'; choose one of skip, fail"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
    ],
    XAIAddDocumentsOperator: [
        ({"file_ids": []}, "file_ids is empty: there is nothing to attach"),
        ({"file_ids": None}, "file_ids must be a list of file ids"),
        ({"file_ids": [7.5]}, "item 0 of file_ids is 7.5; it must be text"),
        ({"file_ids": "[file_1, file_2"}, r"file_ids must be a list of file ids"),
        ({"document_fields": {"file_x": {}, "file_y": {}}}, "document_fields names file_x, file_y, which file_ids"),
        ({"fields": {"year": 1851.0}}, r"fields\['year'\] is 1851.0; it must be text"),
        (
            {"document_fields": {"file_1": {"year": True}}},
            r"document_fields\['file_1'\]\['year'\] is True; it must be text",
        ),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
        ({"timeout": 0}, "timeout is 0; it must be a timedelta or a number of seconds above 0"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"poll_interval": "fast"}, "poll_interval is 'fast'"),
        ({"max_failed": -1}, "max_failed is -1; it is a count, or a share between 0 and 1"),
    ],
    XAIRemoveDocumentsOperator: [
        ({}, "pass file_ids, filter or scope: exactly one of them says what is removed"),
        ({"file_ids": ["file_1"], "filter": "name:a"}, "pass file_ids, filter or scope: exactly one"),
        ({"file_ids": ["file_1"], "scope": "mine"}, "pass file_ids, filter or scope: exactly one"),
        ({"scope": ""}, "scope is ''; it must be text, and not empty"),
        ({"filter": ""}, "filter is empty: it would remove every document"),
        ({"filter": "  "}, "filter is empty"),
        ({"file_ids": [None]}, "item 0 of file_ids is None; it must be text"),
        ({"file_ids": ["file_1"], "concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
    ],
    XAIReindexDocumentsOperator: [
        ({"which": "some"}, "which is 'some'; choose one of given, all, failed"),
        ({}, "file_ids is empty: there is nothing to reindex"),
        ({"file_ids": []}, "file_ids is empty: there is nothing to reindex"),
        ({"which": "all", "file_ids": ["file_1"]}, "which='all' goes without file_ids; with them, which is 'given'"),
        ({"which": "failed", "file_ids": []}, "which='failed' goes without file_ids"),
        ({"file_ids": ["file_1"], "concurrency": 0}, "concurrency is 0"),
        ({"file_ids": ["file_1"], "timeout": 0}, "timeout is 0"),
    ],
    XAIDeleteUnattachedFilesOperator: [
        ({"concurrency": 0}, "concurrency is 0"),
        ({"older_than": 0}, "older_than is 0"),
        ({"pattern": 7.5}, "pattern is 7.5"),
        ({"pattern": []}, "pattern is empty"),
        ({"pattern": "!*.md"}, "lets nothing through"),
    ],
    XAISearchDocumentsOperator: [
        ({"query": ""}, "query"),
        ({"collection_ids": []}, "source.collection_ids"),
        ({"collection_ids": 7.5}, r"collection_ids must be a list of collection ids \(collection_…\)"),
        ({"limit": 0}, "limit"),
        ({"retrieval_mode": {"type": "guess"}}, "retrieval_mode.type"),
        ({"group_by": {"keys": []}}, "group_by.keys"),
        ({"max_chars": -1}, "max_chars is -1; it must be a whole number of at least 0"),
        ({"min_matches": -1}, "min_matches is -1; it must be a whole number of at least 0"),
        ({"min_matches": 11}, "min_matches asks for 11 passages, and limit allows 10. Raise limit"),
        ({"limit": 1, "expect_file_ids": ["a", "b"]}, "expect_file_ids asks for 2 passages, and limit allows 1"),
        ({"expect_file_ids": [7.5]}, "item 0 of expect_file_ids is 7.5; it must be text"),
        ({"min_score": "high"}, "min_score is 'high'; it must be a number"),
        ({"min_score": True}, "min_score is True"),
        ({"min_score": float("nan")}, "min_score is nan"),
        ({"timeout": 0}, "timeout is 0; it must be a timedelta or a number of seconds above 0"),
        ({"poll_interval": -1}, "poll_interval is -1"),
    ],
    XAIIngestDocumentsOperator: [
        ({"fields": {"year": 1851.0}}, r"fields\['year'\] is 1851.0; it must be text"),
        ({"fields": {"airflow_scope": "x"}}, "fields names airflow_scope, which this provider writes itself"),
        ({"upload_method": "mail"}, "upload_method is 'mail'; choose one of auto, direct, files"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
        ({"timeout": -1}, "timeout is -1"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"max_failed": True}, "max_failed is True"),
        ({"pattern": "!*.md"}, "lets nothing through"),
    ],
    XAISyncCollectionOperator: [
        ({"source": None}, "source is None; it must be text"),
        ({"source": ""}, "source is ''; it must be text, and not empty"),
        ({"source": object()}, "is no path"),
        ({"scope": ""}, "scope is ''; it must be text"),
        ({"pattern": ""}, r"pattern is empty; it must be a pattern such as '\*\.md', or a list"),
        ({"pattern": 5.5}, "pattern is 5.5; it must be a pattern such as"),
        ({"pattern": "!*.tmp"}, r"pattern '!\*\.tmp' lets nothing through: .* What is not wanted belongs into exclude"),
        ({"exclude": "old\\"}, r"'old\\\\' is no pattern \(it ends in a backslash\)"),
        ({"fields": {"year": 1851.0}}, r"fields\['year'\] is 1851.0; it must be text"),
        ({"fields": {"airflow_scope": "x"}}, "fields names airflow_scope, which this provider writes itself"),
        ({"fields": "year=1851"}, "fields must be a mapping such as"),
        ({"exclude": 5.5}, "exclude is 5.5; it must be a pattern such as"),
        ({"max_prune": -1}, "max_prune is -1; it is a count, or a share"),
        ({"upload_method": "mail"}, "upload_method is 'mail'; choose one of auto, direct, files"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
        ({"timeout": -1}, "timeout is -1"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"overlap": -1}, "overlap is -1"),
        ({"max_failed": True}, "max_failed is True"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        pytest.param(kind, *row, id=f"{kind.__name__}-{', '.join(row[0])}")
        for kind, rows in WRONG.items()
        for row in rows
    ],
)
def test_a_mistake_is_named_and_nothing_is_sent(xai: Xai, kind: type[Any], wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIFailException, match=said):
        run(kind(task_id="task", **{**GIVEN[kind], **wrong}))
    assert xai.emulator.counts.keys() <= ({"list_collections"} if kind in LOOKING else set())
