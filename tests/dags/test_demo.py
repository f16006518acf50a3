"""scripts/demo.py: what it shows of any folder, what it refuses, and how it ends when it is stopped."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from airflow.models import Connection

from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES
from scripts import demo as demo_script
from tests.dags.conftest import ROOT, Airflow
from tests.emulator.announced import started
from tests.operators.stage import AIRFLOW_2, write

#: `make demo` takes the newest Airflow, whose logs can be told from what a DAG prints.
newest = pytest.mark.skipif(AIRFLOW_2, reason="the demo runs on Airflow 3")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("XAI_", "AIRFLOW_"))}


@dataclass(frozen=True)
class Demo:
    """The demo in a folder of its own, whose Airflow is made already."""

    root: Path

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.root / "scripts/demo.py"],
            env={**CLEAN, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture
def demo(airflow: Airflow, tmp_path: Path) -> Demo:
    root = tmp_path / "checkout"
    for folder in ("scripts", ".demo/airflow"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/demo.py", root / "scripts")
    (root / "dags").symlink_to(ROOT / "dags")
    shutil.copy(airflow.home / "airflow.db", root / ".demo/airflow")
    (root / ".demo/prepared").write_text(version("apache-airflow"))
    return Demo(root)


@newest
def test_of_any_folder_it_answers_first_then_counts_and_lists_what_was_skipped(demo: Demo, tmp_path: Path) -> None:
    documents = write(
        tmp_path / "documents",
        {
            "harbour.md": "# Harbour\n\nThe lantern of the harbour is lit from May to October.\n",
            "  odd & 100 % #1?.md": "A name as people give it.",
            "line\nbreak.md": "A name as nobody should give it.",
            "empty.txt": "",
            "photo.png": b"\x89PNG\r\n\x1a\n",
            "backup.tar.gz": gzip.compress(b"a.md"),
            "scan.pdf": b"%PDF-1.4 broken",
            "drafts/harbour.md": "The lantern is never lit.",
            "notes.bak": "The lantern is always lit.",
        },
    )
    (documents / os.fsdecode(b"caf\xe9.md")).write_text("A name that is no text.")
    with (documents / "large.txt").open("wb") as large:
        large.truncate(MAX_DOCUMENT_BYTES + 1)  # takes no room on the disk
    done = demo.run(DOCS=str(documents), QUESTION="When is the lantern lit?", EXCLUDE="drafts/*, *.bak")
    assert done.returncode == 0, done.stderr
    answer = ("When is the lantern lit?", "harbour.md\n# Harbour The lantern of the harbour is lit from May")
    counts = "2 documents processed, 0 of them there before; 7 not\n"
    places = [done.stdout.index(words) for words in (*answer, counts)]
    assert places == sorted(places), done.stdout
    listed = done.stdout.partition(counts)[2].splitlines()
    assert sorted(line[: line.index(": ", len("skipped: "))] for line in listed) == [
        "failed: scan.pdf",
        "skipped: backup.tar.gz",
        "skipped: caf\\udce9.md",
        "skipped: empty.txt",
        "skipped: large.txt",
        "skipped: line break.md",
        "skipped: photo.png",
    ]
    assert "drafts" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""


@newest
def test_an_empty_folder_is_said_plainly(demo: Demo, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    done = demo.run(DOCS=str(documents))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"demo: nothing in {documents.as_uri()} could be processed",
        f"demo: the whole log is {demo.root}/.demo/run.log",
    ]
    assert "Traceback" not in done.stdout
    assert "AirflowFailException" in (demo.root / ".demo/run.log").read_text()


def test_a_home_is_found_where_the_shell_left_it_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "documents").mkdir()
    assert demo_script.params_of({"DOCS": "~/documents"})["documents"] == str(tmp_path / "documents")


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", ""),
        ("*.md", "*.md"),
        (" *.md , drafts/,", "['*.md', 'drafts/']"),
        ("*.{md,txt}", "*.{md,txt}"),
        ("*.{md,txt},it's.md", str(["*.{md,txt}", "it's.md"])),
    ],
)
def test_patterns_are_separated_by_commas(text: str, patterns: str) -> None:
    params = demo_script.params_of({"DOCS": str(ROOT / "dags"), "PATTERN": text, "EXCLUDE": text})
    assert params["exclude"] == patterns
    assert params["pattern"] == (patterns or "*")


def test_with_live_keys_the_connection_is_xai_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_MANAGEMENT_API_KEY", "xai-token-1")
    monkeypatch.setenv("XAI_API_KEY", "xai-1")
    with demo_script.live() as document:
        connection = Connection.from_json(document)
    assert (connection.conn_type, connection.host) == ("xai_collections", None)
    assert (connection.password, connection.extra_dejson) == ("xai-token-1", {"api_key": "xai-1"})


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DOCS": "/nowhere"}, "demo: DOCS=/nowhere is not a folder"),
        ({"LIVE": "1"}, "demo: LIVE=1 needs XAI_MANAGEMENT_API_KEY and XAI_API_KEY in the environment"),
        ({"LIVE": "1", "XAI_API_KEY": "xai-1"}, "demo: LIVE=1 needs XAI_MANAGEMENT_API_KEY in the environment"),
    ],
)
def test_what_is_missing_is_said_in_a_line(environment: dict[str, str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/demo.py"],
        env={**CLEAN, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", said)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stopped_in_the_middle_it_leaves_nothing_running_and_touched_no_other_airflow(
    tmp_path: Path, stop: signal.Signals
) -> None:
    copy = tmp_path / "scripts" / "demo.py"
    copy.parent.mkdir()
    shutil.copy(ROOT / "scripts/demo.py", copy)
    elsewhere = tmp_path / "elsewhere.db"
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{elsewhere}"}
    demo = subprocess.Popen(
        [sys.executable, str(copy)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    assert demo.stderr is not None
    with demo.stdout, demo.stderr:
        assert "This is an emulator, not xAI." in demo.stdout.readline()
        assert "preparing a private Airflow" in demo.stdout.readline()
        while not (tmp_path / ".demo" / "airflow").exists():
            assert demo.poll() is None
            time.sleep(0.05)  # Airflow is on its way
        children = children_of(demo.pid)
        assert any("emulator" in command for command in children.values())
        demo.send_signal(stop)
        assert demo.wait(timeout=30) == 128 + stop
        assert demo.stderr.read() == ""
    assert {pid: command for pid, command in children.items() if Path(f"/proc/{pid}").exists()} == {}
    assert not elsewhere.exists()
    assert not (tmp_path / ".demo" / "prepared").exists()


def test_airflow_adds_the_connection_that_the_emulator_tells_it_to(airflow: Airflow, tmp_path: Path) -> None:
    shutil.copy(airflow.home / "airflow.db", tmp_path)  # what is added there disturbs nobody
    apart = Airflow(tmp_path)
    with started() as announced:
        program, *arguments = announced.words_of("airflow ")
        assert program == "airflow"
        added = apart.run(*arguments)
        assert added.returncode == 0, added.stdout
        host = announced.connection["host"]
        assert apart.ask("SELECT conn_type, host FROM connection WHERE conn_id = 'xai_collections_default'") == [
            ("xai_collections", host)
        ]


def children_of(pid: int) -> dict[int, str]:
    """Command lines of a process's children, by their pid."""
    pids = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return {child: Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in pids}
