"""Long lists in files: streamed both ways, whole or not there, and bad lines named."""

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError
from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.manifests.json_lines import read_lines, write_lines
from airflow_provider_xai_collections.sources.scanning import scan
from tests.object_storage import FakeS3, attached


class Line(Manifest):
    version: Literal[1] = 1
    name: str
    size: int = 0


HOSTILE = [
    "",
    "a\nb\r\nc\rd",
    "a\u2028b\u2029c\x85d\x0be\x0cf",
    "\0\x1b[31m\x7f",
    'a"b\\c',
    "ä€😀",
    "\u202egnp.exe",
    "null",
    '{"version": 1}',
    " ",
    "x" * 100_000,
    os.fsdecode(b"a\xff"),
]


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    with attached(fs := FakeS3(), "aws"):
        yield fs


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, s3: FakeS3) -> str:
    """The tests that take this hold for folders of both kinds."""
    return str(tmp_path) if request.param == "local" else "s3://aws@bucket/plans"


def bytes_of(where: str, s3: FakeS3) -> bytes:
    if where.startswith("/"):
        return Path(where).read_bytes()
    return bytes(s3.cat_file(where.replace("aws@", "")))


def test_what_is_written_is_read_back_as_it_was(folder: str) -> None:
    lines = [Line(name=name, size=number) for number, name in enumerate(HOSTILE)]
    assert write_lines(f"{folder}/plan.jsonl", lines) == len(HOSTILE)
    assert list(read_lines(f"{folder}/plan.jsonl", Line)) == lines


def test_a_line_is_one_compact_object_in_ascii(folder: str, s3: FakeS3) -> None:
    write_lines(f"{folder}/plan.jsonl", [Line(name="ä\u2028\n", size=7), Line(name="b")])
    assert bytes_of(f"{folder}/plan.jsonl", s3) == (
        b'{"version":1,"name":"\\u00e4\\u2028\\n","size":7}\n{"version":1,"name":"b","size":0}\n'
    )


def test_no_lines_make_an_empty_file(folder: str) -> None:
    assert write_lines(f"{folder}/plan.jsonl", []) == 0
    assert list(read_lines(f"{folder}/plan.jsonl", Line)) == []


def test_a_file_is_replaced(folder: str) -> None:
    write_lines(f"{folder}/plan.jsonl", [Line(name="first"), Line(name="second")])
    write_lines(f"{folder}/plan.jsonl", [Line(name="third")])
    assert [line.name for line in read_lines(f"{folder}/plan.jsonl", Line)] == ["third"]


def test_folders_on_the_way_are_made(folder: str) -> None:
    write_lines(f"{folder}/a/b/plan.jsonl", [Line(name="a")])
    assert [line.name for line in read_lines(f"{folder}/a/b/plan.jsonl", Line)] == ["a"]


def test_a_path_may_be_an_object(tmp_path: Path, s3: FakeS3) -> None:
    for where in (tmp_path / "plan.jsonl", ObjectStoragePath("s3://bucket/plan.jsonl", conn_id="aws")):
        write_lines(where, [Line(name="a")])
        assert [line.name for line in read_lines(where, Line)] == ["a"]


def breaking_off() -> Iterator[Line]:
    yield Line(name="first")
    raise RuntimeError("no more")


def test_a_file_that_cannot_be_completed_leaves_what_was_there(folder: str) -> None:
    write_lines(f"{folder}/plan.jsonl", [Line(name="before")])
    with pytest.raises(RuntimeError, match="no more"):
        write_lines(f"{folder}/plan.jsonl", breaking_off())
    assert [line.name for line in read_lines(f"{folder}/plan.jsonl", Line)] == ["before"]


def test_no_reader_and_no_listing_sees_a_file_that_is_being_written(folder: str, tmp_path: Path, s3: FakeS3) -> None:
    seen: list[Any] = []

    def looking() -> Iterator[Line]:
        yield Line(name="first")
        seen.extend(scan(str(tmp_path), limit_bytes=100))
        seen.extend(s3.store)
        yield Line(name="second")

    write_lines(f"{folder}/plan.jsonl", looking())
    assert seen == []
    assert {path.name for path in tmp_path.iterdir()} <= {"plan.jsonl"}


def test_others_may_read_it_as_the_machine_has_it(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_lines(tmp_path / "plan.jsonl", [Line(name="a")])
    assert (tmp_path / "plan.jsonl").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_memory_does_not_grow_with_the_number_of_lines(folder: str) -> None:
    many = 20_000
    tracemalloc.start()
    write_lines(f"{folder}/plan.jsonl", (Line(name="x" * 500) for _ in range(many)))
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    assert sum(1 for _ in read_lines(f"{folder}/plan.jsonl", Line)) == many
    read = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert read < 3_000_000
    if folder.startswith("/"):  # the fake storage holds all in memory
        assert written < 3_000_000


BAD = [
    (b'{"version":1,"name":"a"}\n{"version":1,"na', "no JSON. It was cut short or is another file. Clear the task"),
    (b'{"version":1,"name":"a"}\n\n', "no JSON"),
    (b'{"version":1,"name":"a"}\n\xff\xfe\n', "no JSON"),
    (b'{"version":1,"name":"a"}\n[1]\n', "a Line of another version of this provider, or none at all (not an object)"),
    (b'{"version":1,"name":"a"}\n{"version":2,"name":"a"}\n', "a Line of another version of this provider"),
    (b'{"version":1,"name":"a"}\n{"version":1,"name":"a","new":1}\n', "(new). Clear the task to run it again"),
    (b'{"version":1,"name":"a"}\n{"version":1,"name":"\xff"}\n', "no JSON"),
    (b'{"version":1,"name":"a"}\n' + b"[" * 200_000 + b"\n", "no JSON"),
]


@pytest.mark.parametrize(("content", "said"), BAD)
def test_a_line_that_is_no_such_model_is_named(folder: str, s3: FakeS3, content: bytes, said: str) -> None:
    where = f"{folder}/plan.jsonl"
    if where.startswith("/"):
        Path(where).write_bytes(content)
    else:
        s3.put("bucket/plans/plan.jsonl", content)
    lines = read_lines(where, Line)
    assert next(lines).name == "a"
    with pytest.raises(XAISourceError) as caught:
        next(lines)
    assert str(caught.value).startswith(f"{where}, line 2: ")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named(folder: str) -> None:
    with pytest.raises(XAISourceError, match=r"plan.jsonl cannot be read \(.*\). Check that it was written, and is in"):
        list(read_lines(f"{folder}/plan.jsonl", Line))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, s3: FakeS3) -> None:
    (tmp_path / "file").touch()
    for where in (f"{tmp_path}/file/plan.jsonl", tmp_path):
        with pytest.raises(XAISourceError, match=r"cannot be written \((Not a directory|File exists|Is a directory)\)"):
            write_lines(where, [Line(name="a")])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))

    def refuse(what: str, path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    s3.refuse = refuse
    with pytest.raises(XAISourceError, match=r"s3://aws@bucket/plan.jsonl cannot be written \(Permission denied\)"):
        write_lines("s3://aws@bucket/plan.jsonl", [Line(name="a")])


class StorageDownError(Exception):
    """The libraries of storages have errors that are no ``OSError``."""


def test_a_storage_that_is_down_is_named(s3: FakeS3) -> None:
    write_lines("s3://aws@bucket/plan.jsonl", [Line(name="a")])

    def refuse(what: str, path: str) -> None:
        raise StorageDownError

    s3.refuse = refuse
    with pytest.raises(XAISourceError, match=r"plan.jsonl cannot be written \(StorageDownError\)"):
        write_lines("s3://aws@bucket/plan.jsonl", [Line(name="a")])
    with pytest.raises(XAISourceError, match=r"plan.jsonl cannot be read \(StorageDownError\)"):
        list(read_lines("s3://aws@bucket/plan.jsonl", Line))


def test_an_error_of_the_lines_is_not_taken_for_one_of_the_file(folder: str) -> None:
    def broken() -> Iterator[Line]:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/theirs")
        yield Line(name="a")

    with pytest.raises(FileNotFoundError, match="/theirs"):
        write_lines(f"{folder}/plan.jsonl", broken())


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(XAIArgumentError, match="a path is empty"):
        write_lines("", [])
    with pytest.raises(XAIArgumentError, match="a path is empty"):
        next(read_lines(" ", Line))


def test_the_plain_tools_of_others_read_it(tmp_path: Path) -> None:
    write_lines(tmp_path / "plan.jsonl", [Line(name=name) for name in HOSTILE])
    lines = (tmp_path / "plan.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == HOSTILE
