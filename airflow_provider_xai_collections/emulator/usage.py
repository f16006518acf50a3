"""Help text of the emulator beside the options: the faults, the control endpoints and the switches, from their code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from pydantic import TypeAdapter

from airflow_provider_xai_collections.emulator.control import ACTIONS, PREFIX
from airflow_provider_xai_collections.emulator.faults import ENDPOINT_NAMES, FaultRule
from airflow_provider_xai_collections.emulator.settings import Settings

WIDTH = 100
#: Faults worth copying, with what they are good for. Single quotes of a shell go around each.
EXAMPLES = {
    "the first upload fails": '[{"endpoint": "upload_document", "nth": [1], "status": 503}]',
    "a rate limit, three times": '[{"status": 429, "retry_after": "2", "times": 3}]',
    "one call in ten fails": '[{"probability": 0.1, "status": 500}]',
    "the work is done and its answer lost": '[{"endpoint": "add_document", "nth": [1], "cut": "after"}]',
    "searches take five seconds": '[{"endpoint": "search_documents", "delay": 5}]',
    "a gateway's error page": '[{"path": "*:batchGet", "status": 502, "body": "<h1>Bad gateway</h1>"}]',
}
#: How JSON Schema calls what people call otherwise.
_TYPES = {"integer": "NUMBER", "number": "NUMBER", "string": "TEXT", "array": "LIST"}


def epilog() -> str:
    """Return the help text, in lines that are not to be wrapped again."""
    return "\n".join(_epilog())


def _epilog() -> Iterator[str]:
    yield "Faults: --faults takes a JSON list of rules, or @FILE with one. The first rule that applies has the call."
    yield "While the emulator runs, send it other rules; they take the place of those before, and [] ends all faults:"
    yield ""
    yield f"  curl http://127.0.0.1:8321{PREFIX}faults -d '{next(iter(EXAMPLES.values()))}'"
    yield f"  curl http://127.0.0.1:8321{PREFIX}faults -d '[]'"
    yield ""
    yield "Examples:"
    for purpose, rules in EXAMPLES.items():
        yield f"  {rules}   {purpose}"
    yield ""
    yield "Keys of a rule:"
    for key in described(FaultRule):
        yield _wrapped(f"{key.name}: {key.meaning}", "  ")
    yield _wrapped(f"Endpoints: {', '.join(sorted(ENDPOINT_NAMES))}.", "")
    yield ""
    yield "Control endpoints, which need no key:"
    for (method, name), action in ACTIONS.items():
        yield f"  {method} {PREFIX}{name}   {action.__doc__}"
    yield ""
    yield "Switches, each for a point of the wire that xAI leaves open or that differs from team to team. VALUE is JSON"
    yield "or a word; in brackets, what holds without --set:"
    yield ""
    yield """  --set attach_twice=ok --set out_of_credits=429 --set 'stuck=["*.pdf"]'"""
    yield ""
    for switch in described(Settings):
        yield f"  {switch.name}={'|'.join(switch.values)} ({switch.default})"
        yield _wrapped(switch.meaning, "      ")


@dataclass(frozen=True, slots=True)
class Described:
    """A switch, or a key of a fault, as the text below it in the code describes it.

    :param values: words, or kinds of values in capitals.
    :param default: as it would be written on a command line.
    """

    name: str
    values: Sequence[str]
    default: str
    meaning: str


def described(kind: type[Any]) -> Iterator[Described]:
    """Describe the fields of :class:`Settings` or :class:`FaultRule`."""
    for name, schema in TypeAdapter(kind).json_schema()["properties"].items():
        meaning = " ".join(schema["description"].split())
        yield Described(name, tuple(_values(schema)), _as_typed(schema.get("default")), meaning)


def _values(schema: Mapping[str, Any]) -> Iterator[str]:
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _values(one)
    elif "enum" in schema:
        yield from map(str, schema["enum"])
    elif schema["type"] == "boolean":
        yield from ("true", "false")
    else:
        yield _TYPES.get(schema["type"], schema["type"])


def _as_typed(value: Any) -> str:
    """Return a default as it would be written on a command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, indent: str) -> str:
    words = " ".join(text.split())
    return fill(words, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
