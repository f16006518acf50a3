"""XAISyncCollectionOperator that is cut off, at any request: the next try goes on, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator
from tests.conftest import Connect, Logged
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import LIBRARY, contents, counts, report_of, sync, task, writes

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
#: No run of these tests asks more often.
MANY = 1_000


def cut_off(number: int) -> list[FaultRule]:
    """From this request on nothing arrives any more, as if the machine had died before it."""
    return [FaultRule(nth=tuple(range(number, MANY)), cut="before")]


def cut_off_after(number: int) -> list[FaultRule]:
    """This request is the last that arrives, and nobody hears its answer, as if the machine had died waiting."""
    return [FaultRule(nth=(number,), cut="after"), *cut_off(number)]


def refused(number: int) -> list[FaultRule]:
    """One request is refused for good."""
    return [FaultRule(nth=(number,), status=403)]


@contextmanager
def dead(xai: Xai, faults: list[FaultRule]) -> Iterator[None]:
    xai.emulator.set_faults(*faults)
    with suppress(XAIError, AirflowException):
        yield
    xai.emulator.set_faults()


@BOTH
@pytest.mark.parametrize("number", range(1, 16, 2))
@pytest.mark.parametrize("death", [cut_off, cut_off_after, refused])
def test_a_retry_after_death_at_any_request_completes_the_work(
    xai: Xai,
    connect: Connect,
    folder: Path,
    clock: FlyingTime,
    upload_method: str,
    death: Callable[[int], list[FaultRule]],
    number: int,
) -> None:
    connect(retry_attempts=1)
    arguments: dict[str, Any] = {"upload_method": upload_method, "prune": True, "max_prune": 1}
    whales = sync(folder, **arguments)["collection_id"]
    (folder / "b.txt").unlink()
    wanted = {"a.md": "alpha, second edition", "d.md": "delta", "deep/c.md": "gamma"}
    write(folder, wanted)
    with dead(xai, death(number)):
        sync(folder, **arguments)
    sync(folder, try_number=2, **arguments)
    assert contents(xai, whales) == wanted
    assert xai.names(whales) == list(wanted)
    # A file that was uploaded and not yet attached is lost with the process that knew its id; but not for ever.
    left = xai.unattached(whales)
    assert len(left) <= (upload_method == "files")
    xai.forget()
    assert counts(sync(folder, try_number=3, **arguments)) == {"documents": 3, "kept": 3}
    assert not writes(xai)
    clock.pauses.append(60)
    clear = XAIDeleteUnattachedFilesOperator(task_id="clear", older_than=30, dry_run=False)
    assert run(clear)["names"] == left
    assert xai.unattached(whales) == []
    assert xai.names(whales) == list(wanted)


@pytest.mark.parametrize("number", range(1, 8, 2))
@pytest.mark.parametrize("death", [cut_off, cut_off_after])
def test_death_at_the_beginning_leaves_one_collection(
    xai: Xai, connect: Connect, folder: Path, death: Callable[[int], list[FaultRule]], number: int
) -> None:
    connect(retry_attempts=1)
    with dead(xai, death(number)):
        sync(folder)
    manifest = sync(folder, try_number=2)
    assert xai.names(manifest["collection_id"]) == list(LIBRARY)
    assert len(xai.hook.list_collections()) == 1


@BOTH
@pytest.mark.parametrize("cut", ["before", "after", "partial"])
def test_a_lost_answer_is_found_out(xai: Xai, folder: Path, upload_method: str, cut: Any) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(every=3, cut=cut))
    manifest = sync(folder, whales, upload_method=upload_method)
    xai.emulator.set_faults()
    assert xai.names(whales) == list(LIBRARY)
    assert len(xai.unattached(whales)) <= manifest["possible_orphans"]


def test_a_retry_deletes_no_file(xai: Xai, folder: Path, logged: Logged) -> None:
    """A file of another collection may well have the name and size of one of ours."""
    whales, others = xai.collection(), xai.collection("others")
    xai.emulator.set_faults(FaultRule(endpoint="upload_file", nth=(1,), cut="after"))
    assert sync(folder, whales, upload_method="files")["possible_orphans"] == 1
    sync(folder, others, upload_method="files")
    before = sorted(file.id for file in xai.hook.list_files())
    sync(folder, whales, try_number=2, upload_method="files")
    assert sorted(file.id for file in xai.hook.list_files()) == before
    assert len(xai.names(others)) == len(xai.names(whales)) == 3
    assert "1 files may have been left in no collection, and are billed. XAIDeleteUnattachedFilesOperator" in logged()


@BOTH
def test_a_key_that_may_not_attach_ends_the_work_at_once_and_leaves_no_file(
    xai: Xai, tmp_path: Path, upload_method: str
) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(40)})
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    attaching = "upload_document" if upload_method == "direct" else "add_document"
    xai.emulator.set_faults(FaultRule(endpoint=attaching, status=403))
    doomed = task(source=many, collection_id=whales, concurrency=4, report=report, upload_method=upload_method)
    with pytest.raises(XAIFailException, match="Give the management key the permission for AddFileToCollection"):
        run(doomed)
    assert xai.emulator.count(attaching) < 20
    xai.emulator.set_faults()
    assert xai.unattached(whales) == []
    outcomes = [line["outcome"] for line in report_of(report)]
    assert len(outcomes) == 40
    assert set(outcomes) == {"error", "untried"}
    told: Any = doomed.manifest
    assert told.errors + told.untried == told.documents == 40
