"""All differences between REST, the published types, the recordings and what we do, each with its source or its reason.

Names are those of the published types, apart from the last part, which is about recorded answers. Tests compare the
sides field by field and word by word, and what they find has to be exactly this.
"""

from __future__ import annotations

from airflow_provider_xai_collections.api.chunking import Encoding
from airflow_provider_xai_collections.api.search import RetrievalType

_REFERENCE = "reference, rest-api-reference/collections/collection: "
_SEARCH = "reference, rest-api-reference/collections/search"
_FILES = "reference, rest-api-reference/files: the shape that files have in OpenAI's API"

#: What we send or read, and no published type has: where it is from.
REST_ONLY = {
    **dict.fromkeys(
        (
            f"rag.ChunkConfiguration.{name}_configuration"
            for name in ("markdown_chars", "code_chars", "markdown_tokens", "code_tokens", "table", "ast")
        ),
        _REFERENCE + "chunk_configuration",
    ),
    "collections.CollectionMetadata.collection_type": "seen in answers of the live service",
    "collections.CollectionMetadata.metric_space": "open: nobody has shown it; read should it come, never needed",
    "collections.BatchGetDocumentsResponse.pagination_token": "no part of it: our pages have one model",
    "xai_api.UploadFileInit.purpose": _FILES,
    "xai_api.File.object": _FILES,
    "xai_api.File.purpose": _FILES,
    "xai_api.SearchRequest.filter": _SEARCH,
    "xai_api.SearchRequest.group_by": _SEARCH,
    "xai_api.SearchMatch.fields": _SEARCH,
    "xai_api.SearchMatch.page_number": _SEARCH,
}

#: What recorded answers have, and no published type: the emulator writes it, and the client does not read it.
RECORDED_ONLY = {
    "collections.CollectionMetadata.disable_rag_lookup": "recorded since 16 April 2026",
    "xai_api.DeleteFileResponse.object": "recorded; the shape that files have in OpenAI's API",
}

#: What the published types have, and we neither send nor read: why.
NOT_OURS = {
    "collections.Collections.UpdateDocument": "a gRPC call; REST's PATCH of a document is ReIndexDocument",
    "collections.Collections.GenerateCollectionDescription": "no REST call; a description is the user's to give",
    "collections.UpdateDocumentRequest.file_id": "stands here for the upload, which makes the id",
    "collections.UpdateDocumentRequest.team_id": "the guide's form has none; the key says it",
    "xai_api.Files.RetrieveFileContent": "costs money per GiB, and the provider uploads documents and downloads none",
    "xai_api.Files.CreatePublicUrl": "publishing a file is no matter of collections",
    "xai_api.Files.RevokePublicUrl": "publishing a file is no matter of collections",
    "xai_api.File.public_url": "publishing a file is no matter of collections",
    "xai_api.File.public_url_expires_at": "publishing a file is no matter of collections",
    "xai_api.SearchRequest.ranking_metric": "deprecated by xAI: a collection has its metric from its creation",
}

#: Enums of theirs that are text to us.
AS_TEXT = {
    "xai_api.ListFilesRequest.order": "the reference does not show the words, so any is passed on",
}

#: Enums of ours that are no enums to them.
OWN_WORDS = {
    Encoding: "seen in encoding_name, which is text in both",
    RetrievalType: f"{_SEARCH}, retrieval_mode.type: which of the three retrievals of the published type",
}

#: Times that REST writes as whole seconds since 1970, and protobuf's JSON as text.
UNIX_SECONDS = {
    "xai_api.File.created_at": _FILES,
    "xai_api.File.expires_at": _FILES,
}

#: Numbers of 64 bits that REST writes as a number. All others are text, as in protobuf's JSON.
AS_NUMBER = {
    "xai_api.File.size": _FILES,
}

#: The same thing under two names: the published one, and REST's.
SPELT = {
    "xai_api.File.size": "bytes",
    "xai_api.UploadFileInit.name": "upload",
    "collections.UpdateDocumentRequest.data": "upload",
    **{f"xai_api.SearchRequest.{word}_retrieval": "retrieval_mode" for word in RetrievalType},
}

#: Parts of recorded answers that the client does not read, by call.
NOT_READ = {
    **dict.fromkeys(
        ("create_collection: disable_rag_lookup", "update_collection: disable_rag_lookup"),
        "nobody says what it does; the provider has no use for it",
    ),
    "delete_file: object": "always the same word",
}

#: Parts of answers that the emulator gives otherwise than they were recorded, by day and call.
ANSWERED_OTHERWISE = {
    **dict.fromkeys(
        ("2026-04-10 create_collection: disable_rag_lookup", "2026-04-10 update_collection: disable_rag_lookup"),
        "the service says it since 16 April 2026, and so does the emulator",
    ),
}
