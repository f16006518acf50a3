"""xAI's published protobuf types, and strict reading by them."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

Json: TypeAlias = dict[str, Any]
_PACKAGE = "xai_published"


def _load(*names: str) -> None:
    """Import the generated modules only: ``xai_sdk`` itself would load gRPC and two HTTP clients."""
    spec = find_spec("xai_sdk")
    assert spec is not None, "the test dependency xai-sdk is not installed"
    assert spec.submodule_search_locations is not None
    package = ModuleType(_PACKAGE)
    # Protobuf reads what its older versions generated, and v6 is the newest there is.
    package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "proto" / "v6")]
    sys.modules[_PACKAGE] = package
    for name in names:
        importlib.import_module(f"{_PACKAGE}.{name}_pb2")


_load("collections", "files", "documents")
_POOL = Default()
SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    _POOL.FindServiceByName(name) for name in ("collections.Collections", "xai_api.Files", "xai_api.Documents")
)


def message(name: str) -> Descriptor:
    """Return the type of this full name."""
    found: Descriptor = _POOL.FindMessageTypeByName(name)
    return found


def parse(name: str, said: Json) -> Message:
    """Read JSON as a message of this type: an unknown name, word or kind of value is refused.

    :raises google.protobuf.json_format.ParseError: naming it.
    """
    read: Message = json_format.ParseDict(
        said, message_factory.GetMessageClass(message(name))(), ignore_unknown_fields=False
    )
    return read


def spell(read: Message, *, defaults: bool = False) -> Json:
    """Return the message as the wire spells it.

    :param defaults: with the values that protobuf may leave out.
    """
    spelt: Json = json_format.MessageToDict(
        read, preserving_proto_field_name=True, always_print_fields_with_no_presence=defaults
    )
    return spelt
