"""The hook offers every endpoint with every parameter, under the names of the wire."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.protocol import Endpoint
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

#: The eleven of the Collections reference with all their parameters. Source: REST reference, ``/v1/collections``.
REFERENCE = {
    "create_collection": "collection_name team_id index_configuration chunk_configuration metric_space "
    "field_definitions collection_description",
    "list_collections": "team_id limit order sort_by pagination_token filter",
    "get_collection": "collection_id team_id",
    "delete_collection": "collection_id team_id",
    "update_collection": "collection_id team_id collection_name chunk_configuration field_definition_updates "
    "collection_description",
    "add_document": "collection_id file_id team_id fields",
    "list_documents": "collection_id team_id limit order sort_by pagination_token filter name",
    "get_document": "collection_id file_id team_id",
    "reindex_document": "collection_id file_id team_id",
    "remove_document": "collection_id file_id team_id",
    "batch_get_documents": "collection_id file_ids team_id",
}
#: What a method calls otherwise than the wire: bytes come from a path, and a search has one kind of source.
RENAMED = {"upload": "path", "source": "collection_ids"}
#: What only a method has: the name a file gets where the wire has it beside the bytes, and what is done before a call.
ADDED = {
    "upload_file": {"filename"},
    "upload_document": {"declare_fields"},
    "add_document": {"declare_fields"},
}


def parameters_of(name: str) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(getattr(XAICollectionsHook, name)).parameters)
    del parameters["self"]
    return parameters


@pytest.mark.parametrize("name", REFERENCE)
def test_the_methods_of_the_eleven_endpoints_take_what_the_reference_lists(name: str) -> None:
    assert parameters_of(name).keys() == set(REFERENCE[name].split()) | ADDED.get(name, set())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_parameter_is_an_argument_by_name(endpoint: Endpoint[Any]) -> None:
    parameters = parameters_of(endpoint.name)
    wire = {RENAMED.get(name, name) for name in endpoint.params.model_fields}
    assert parameters.keys() == wire | ADDED.get(endpoint.name, set())
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_what_the_service_requires_the_method_requires(endpoint: Endpoint[Any]) -> None:
    required = {RENAMED.get(name, name) for name, field in endpoint.params.model_fields.items() if field.is_required()}
    arguments = {
        name for name, parameter in parameters_of(endpoint.name).items() if parameter.default is parameter.empty
    }
    # The name of an upload is that of the path unless another is given.
    assert arguments == required - ({"name"} if endpoint.name == "upload_document" else set())


def test_a_collection_is_ensured_with_what_it_is_created_with() -> None:
    assert parameters_of("ensure_collection").keys() == parameters_of("create_collection").keys()


def test_a_list_is_walked_with_what_it_is_read_with() -> None:
    assert parameters_of("iter_documents").keys() == parameters_of("list_documents").keys()
