"""Long lists in files: streamed both ways, whole or not there, and bad lines named."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.manifests.json_lines import read_lines, write_lines
from airflow_provider_xai_collections.sources.scanning import scan
from tests.object_storage import FakeS3, StorageDownError, attached


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
    with attached(FakeS3(), "aws") as fs:
        yield fs


@pytest.fixture(params=["local", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path, s3: FakeS3) -> str:
    """The tests that take this hold for files of both kinds."""
    return str(tmp_path / "plan.jsonl") if request.param == "local" else "s3://aws@bucket/plan.jsonl"


def names_in(where: Any) -> list[str]:
    return [line.name for line in read_lines(where, Line)]


@pytest.mark.parametrize("names", [HOSTILE, []])
def test_what_is_written_replaces_what_was_there_and_is_read_back_as_it_was(where: str, names: list[str]) -> None:
    write_lines(where, [Line(name="before")])
    lines = [Line(name=name, size=number) for number, name in enumerate(names)]
    assert write_lines(where, lines) == len(lines)
    assert list(read_lines(where, Line)) == lines


def test_a_line_is_one_compact_object_in_ascii(tmp_path: Path) -> None:
    write_lines(tmp_path / "plan.jsonl", [Line(name="ä\u2028\n", size=7), Line(name="b")])
    assert (tmp_path / "plan.jsonl").read_bytes() == (
        b'{"version":1,"name":"\\u00e4\\u2028\\n","size":7}\n{"version":1,"name":"b","size":0}\n'
    )


def test_a_path_may_be_an_object_and_folders_on_the_way_are_made(tmp_path: Path, s3: FakeS3) -> None:
    for where in (tmp_path / "a/b/plan.jsonl", ObjectStoragePath("s3://bucket/a/b/plan.jsonl", conn_id="aws")):
        write_lines(where, [Line(name="a")])
        assert names_in(where) == ["a"]


@pytest.mark.parametrize(
    "error", [RuntimeError("no more"), FileNotFoundError(errno.ENOENT, "No such file or directory", "/theirs")]
)
def test_an_error_of_the_lines_is_not_taken_for_one_of_the_file_and_leaves_what_was_there(
    where: str, error: Exception
) -> None:
    def breaking_off() -> Iterator[Line]:
        yield Line(name="first")
        raise error

    write_lines(where, [Line(name="before")])
    with pytest.raises(type(error), match=r"no more|/theirs"):
        write_lines(where, breaking_off())
    assert names_in(where) == ["before"]


def test_no_reader_and_no_listing_sees_a_file_that_is_being_written(where: str, tmp_path: Path, s3: FakeS3) -> None:
    seen: list[Any] = []

    def looking() -> Iterator[Line]:
        yield Line(name="first")
        seen.extend(scan(str(tmp_path), limit_bytes=100))
        seen.extend(s3.store)

    write_lines(where, looking())
    assert seen == []
    assert {path.name for path in tmp_path.iterdir()} <= {"plan.jsonl"}


def test_others_may_read_it_as_the_machine_has_it(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_lines(tmp_path / "plan.jsonl", [Line(name="a")])
    assert (tmp_path / "plan.jsonl").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_memory_does_not_grow_with_the_number_of_lines(where: str) -> None:
    many = 20_000
    tracemalloc.start()
    write_lines(where, (Line(name="x" * 500) for _ in range(many)))
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    assert sum(1 for _ in read_lines(where, Line)) == many
    read = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert read < 3_000_000
    if where.startswith("/"):  # the fake storage holds all in memory
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
def test_a_line_that_is_no_such_model_is_named(where: str, s3: FakeS3, content: bytes, said: str) -> None:
    if where.startswith("/"):
        Path(where).write_bytes(content)
    else:
        s3.put("bucket/plan.jsonl", content)
    lines = read_lines(where, Line)
    assert next(lines).name == "a"
    with pytest.raises(XAISourceError) as caught:
        next(lines)
    assert str(caught.value).startswith(f"{where}, line 2: ")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named(where: str) -> None:
    with pytest.raises(XAISourceError, match=r"plan.jsonl cannot be read \(.*\). Check that it was written, and is in"):
        list(read_lines(where, Line))


def test_a_place_that_cannot_be_written_is_named_and_no_draft_stays(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for where in (tmp_path / "file/plan.jsonl", tmp_path):
        with pytest.raises(XAISourceError, match=r"cannot be written \((Not a directory|File exists|Is a directory)\)"):
            write_lines(where, [Line(name="a")])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))


@pytest.mark.parametrize(
    ("error", "said"),
    [(PermissionError(errno.EACCES, "not yours"), "not yours"), (StorageDownError(), "StorageDownError")],
)
def test_a_storage_that_refuses_or_is_down_is_named(s3: FakeS3, error: Exception, said: str) -> None:
    where = "s3://aws@bucket/plan.jsonl"
    write_lines(where, [Line(name="a")])
    s3.refuse(error)
    with pytest.raises(XAISourceError, match=rf"{where} cannot be written \({said}\)"):
        write_lines(where, [Line(name="a")])
    with pytest.raises(XAISourceError, match=rf"{where} cannot be read \({said}\)"):
        list(read_lines(where, Line))
