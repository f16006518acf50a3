"""Successful calls of all endpoints, with whatever a user may have put into names, fields and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.emulator import HttpReply
from tests.support.caller import Caller, declared, upload

from .generating import FILENAMES, UPLOADS, parameters

YEAR = {"field_definition": {"key": "year"}, "operation": "FIELD_DEFINITION_ADD"}


@dataclass(frozen=True)
class Words:
    """Parameters that users choose."""

    collection: dict[str, Any]
    update: dict[str, Any]
    fields: dict[str, str]
    name: str
    upload: Upload


#: A key that is declared has a name.
DECLARABLE = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3)


def _unique(parameters: dict[str, Any]) -> bool:
    keys = [definition["key"] for definition in parameters.get("field_definitions", ())]
    return len(keys) == len(set(keys))


def _optional(parameters: dict[str, Any]) -> dict[str, Any]:
    """Make all fields optional: documents here may lack them."""
    definitions = [{**one, "required": False} for one in parameters.get("field_definitions", ())]
    return {**parameters, "field_definitions": definitions}


def _declaring(fields: dict[str, str], parameters: dict[str, Any]) -> dict[str, Any]:
    """Add definitions of the fields that documents are going to have."""
    definitions = parameters.get("field_definitions", [])
    known = {definition["key"] for definition in definitions}
    return {**parameters, "field_definitions": [*definitions, *declared(*(key for key in fields if key not in known))]}


WORDS = st.builds(
    Words,
    collection=parameters(endpoints.CREATE_COLLECTION).filter(_unique).map(_optional),
    update=parameters(endpoints.UPDATE_COLLECTION).map(
        lambda changes: {
            name: value for name, value in changes.items() if name not in ("collection_id", "field_definition_updates")
        }
    ),
    fields=DECLARABLE,
    name=FILENAMES,
    upload=UPLOADS,
)


def send_all(caller: Caller, words: Words) -> dict[str, HttpReply]:
    """Call all endpoints; return the answers by the endpoint's name."""
    whales = caller.file(content=b"a document about whales, and not a short one")
    loose = caller.file(words.name)
    collection = _declaring(words.fields, words.collection)
    collection_id = caller.call(endpoints.CREATE_COLLECTION, **collection).collection_id
    caller.attach(collection_id, whales, **words.fields)
    one, document = {"collection_id": collection_id}, {"collection_id": collection_id, "file_id": whales}
    calls: dict[str, dict[str, Any]] = {
        "create_collection": collection,
        "list_collections": {"limit": 1},
        "get_collection": one,
        "update_collection": {**one, **words.update, "field_definition_updates": [YEAR]},
        "add_document": {**one, "file_id": loose, "fields": {}},
        "list_documents": one,
        "get_document": document,
        "reindex_document": document,
        "batch_get_documents": {**one, "file_ids": [whales, loose]},
        "upload_document": {**one, "name": words.name, "fields": {}, "upload": upload(words.name)},
        "validate_management_key": {},
        "upload_file": {"expires_after": 3600, "purpose": "assistants", "upload": words.upload},
        "list_files": {"limit": 2},
        "get_file": {"file_id": whales},
        "search_documents": {"query": "whales", "source": {"collection_ids": [collection_id]}},
        "remove_document": document,
        "delete_file": {"file_id": whales},
        "delete_collection": one,
    }
    by_name = {endpoint.name: endpoint for endpoint in ENDPOINTS}
    return {name: caller.send(by_name[name], **given) for name, given in calls.items()}
