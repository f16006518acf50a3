"""XAISyncCollectionOperator and functions, names and arguments that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIError
from tests.operators.stage import Xai
from tests.operators.syncs import only_id, sync


def raising(source: SourceDocument) -> dict[str, str]:
    if source.name == "b.txt":
        raise KeyError("author")
    return {"year": "1851"}


def nothing(source: SourceDocument) -> Any:
    return None


def numbers(source: SourceDocument) -> Any:
    return {"year": 1851.0, "size": source.size}


def ours(source: SourceDocument) -> dict[str, str]:
    return {"airflow_scope": "mine"}


def no_text(source: SourceDocument) -> dict[str, str]:
    return {"year": "\udcff"}


@pytest.mark.parametrize("again", [False, True])
def test_a_function_that_raises_for_one_document_does_not_stop_the_others(xai: Xai, folder: Path, again: bool) -> None:
    arguments: dict[str, Any] = {"update_fields": again}
    if again:
        sync(folder)
    said = r"1 of 3 documents are not .*: b\.txt: fields\(…\) raised KeyError for b\.txt: 'author'\. Mend the function"
    with pytest.raises(XAIFailException, match=said):
        sync(folder, fields=raising, **arguments)
    found = {document.name: document.fields.get("year") for document in xai.documents(only_id(xai))}
    assert found == {"a.md": "1851", "deep/c.md": "1851", **({"b.txt": None} if again else {})}
    assert xai.unattached(only_id(xai)) == []


def unreachable(source: SourceDocument) -> dict[str, str]:
    raise ConnectionError("the library's catalogue does not answer")


def test_what_a_function_could_not_ask_may_be_asked_again(xai: Xai, folder: Path) -> None:
    said = r"fields\(…\) raised ConnectionError for a\.md: the library's catalogue .* If that does not pass, mend the"
    for update_fields in (False, True):
        with pytest.raises(XAIError, match=said) as raised:
            sync(folder, fields=unreachable, update_fields=update_fields)
        assert not isinstance(raised.value, XAIFailException)
    assert xai.hook.list_files() == []


def garbled(source: SourceDocument) -> dict[str, str]:
    found: dict[str, str] = json.loads("<html>")
    return found


def test_what_a_function_was_told_may_be_told_right_the_next_time(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIError, match="raised JSONDecodeError"):
        sync(folder, fields=garbled)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (nothing, r"fields\(…\) returned NoneType for a\.md; it must return strings by string"),
        (numbers, r"fields\(…\) of a\.md\['year'\] is 1851\.0; it must be text"),
        (ours, "fields names airflow_scope, which this provider writes itself"),
        (no_text, "fields must be text, and these hold bytes that are none: 'year'"),
    ],
)
def test_a_function_that_returns_what_is_no_metadata_is_final(xai: Xai, folder: Path, function: Any, said: str) -> None:
    with pytest.raises(XAIFailException, match=rf"3 of 3 documents are not .*{said}"):
        sync(folder, fields=function)
    assert xai.hook.list_files() == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_collection_that_is_not_there_by_id_is_named_with_the_way_out(xai: Xai, folder: Path, dry_run: bool) -> None:
    said = r"collection_42.*404.*begins with collection_ is an id; a collection is created by name"
    with pytest.raises(XAIFailException, match=said):
        sync(folder, "collection_42", dry_run=dry_run)
    assert xai.hook.list_files() == []


def test_two_collections_of_one_name_are_told_apart_by_id_only(xai: Xai, folder: Path) -> None:
    whales = xai.collection("whales")
    xai.collection("whales")
    for dry_run in (False, True):
        with pytest.raises(XAIFailException, match=rf"2 collections are called 'whales' \(.*{whales}"):
            sync(folder, dry_run=dry_run)


def test_a_required_field_that_is_not_given_is_named_before_anything_is_uploaded(xai: Xai, folder: Path) -> None:
    whales = xai.collection(field_definitions=[{"key": "author", "required": True}])
    with pytest.raises(XAIFailException, match=r"requires the field author of every document\. Pass it in fields="):
        sync(folder, whales)
    assert xai.hook.list_files() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"collection": ""}, "collection is ''; it must be text"),
        ({"collection": None}, "collection is None; it must be text"),
        ({"source": None}, "source is None; it must be text"),
        ({"source": object()}, "is no path"),
        ({"scope": ""}, "scope is ''; it must be text"),
        ({"pattern": ""}, r"pattern is empty; it must be a pattern such as '\*\.md', or a list"),
        ({"pattern": []}, "pattern is empty"),
        ({"pattern": 5.5}, "pattern is 5.5; it must be a pattern such as"),
        ({"pattern": "!*.tmp"}, r"pattern '!\*\.tmp' lets nothing through: one that begins with '!' takes back"),
        ({"exclude": "old\\"}, r"'old\\\\' is no pattern \(it ends in a backslash\)"),
        ({"fields": {"year": 1851.0}}, r"fields\['year'\] is 1851.0; it must be text"),
        ({"fields": {"airflow_scope": "x"}}, "fields names airflow_scope, which this provider writes itself"),
        ({"fields": "year=1851"}, "fields must be a mapping such as"),
        ({"exclude": 5.5}, "exclude is 5.5; it must be a pattern such as"),
        ({"exclude": [None]}, r"exclude is \[None\]; it must be a pattern such as"),
        ({"verify": "guess"}, "verify is 'guess'; choose one of fingerprint, content"),
        ({"max_prune": -1}, "max_prune is -1; it is a count, or a share"),
        ({"max_prune": "0.5"}, "max_prune is '0.5'"),
        ({"max_prune": 1.5}, "max_prune is 1.5; it is a count, or a share"),
        ({"max_prune": float("nan")}, "max_prune is nan"),
        ({"upload_method": "mail"}, "upload_method is 'mail'; choose one of auto, direct, files"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
        ({"timeout": -1}, "timeout is -1"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"stall_timeout": 0}, "stall_timeout is 0"),
        ({"stuck_after": -1}, "stuck_after is -1"),
        ({"on_failed": "shrug"}, "on_failed is 'shrug'"),
        ({"max_failed": True}, "max_failed is True"),
    ],
)
def test_a_mistake_in_an_argument_is_named(xai: Xai, folder: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIFailException, match=said):
        sync(**{"source": folder, "collection": "whales", **wrong})
    assert xai.hook.list_files() == []


def test_a_pattern_that_only_takes_back_is_an_exclude(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIFailException, match=r"Pass what is not wanted as exclude="):
        sync(folder, pattern="!*.txt")
    sync(folder, exclude=["*.txt"])
    assert xai.names(only_id(xai)) == ["a.md", "deep/c.md"]


@pytest.mark.parametrize("name", ["report.jsonl", "deep/report.jsonl"])
def test_a_report_inside_the_source_would_be_a_document_of_the_next_run(xai: Xai, folder: Path, name: str) -> None:
    with pytest.raises(XAIFailException, match="inside the source: the next run would take it for a document"):
        sync(folder, report=folder / name)
    assert xai.emulator.counts == {}
    sync(folder, report=folder / name, exclude=["*.jsonl"])
    sync(folder, report=folder / name, pattern="*.md")
    sync(folder, report=folder / ".reports" / name)
    assert sync(folder, report=folder / name, exclude=["*.jsonl"])["kept"] == 3


@pytest.mark.parametrize("way", ["../library/report.jsonl", "link/report.jsonl", "link/../library/report.jsonl"])
def test_a_report_is_inside_the_source_by_whatever_way(xai: Xai, folder: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/link").symlink_to(folder)
    report = folder / way if way.startswith("..") else tmp_path / "elsewhere" / way
    with pytest.raises(XAIFailException, match="inside the source: the next run would take it for a document"):
        sync(folder, report=report)
    assert xai.emulator.counts == {}


def test_a_source_that_is_a_link_knows_what_is_inside_it(xai: Xai, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(XAIFailException, match="inside the source"):
        sync(tmp_path / "link", report=folder / "report.jsonl")


def test_a_report_behind_a_link_that_leads_out_is_inside_only_if_links_are_followed(
    xai: Xai, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (folder / "out").symlink_to(tmp_path / "reports")
    with pytest.raises(XAIFailException, match="inside the source"):
        sync(folder, report=folder / "out/report.jsonl", follow_links=True)
    assert sync(folder, report=folder / "out/report.jsonl")["added"] == 3
