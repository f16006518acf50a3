"""The documentation: its code runs, its messages are those of the code, its links lead somewhere, and it is current."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.cli.definition import COMMANDS, parser
from airflow_provider_xai_collections.emulator import Emulator, HttpRequest
from airflow_provider_xai_collections.emulator.__main__ import main
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import EXTRAS, settings_from
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.sync.manifest import SyncManifest
from scripts import docs_site
from scripts.provided import classes
from scripts.reference import INNER
from tests.test_language import PRIVATE

ROOT = Path(__file__).resolve().parent.parent
#: What people read, by path below the repository.
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
}
each_page = pytest.mark.parametrize("page", PAGES)
START = pendulum.datetime(2026, 1, 1, tz="UTC")


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code in one language, without the indentation of a list that they are in."""
    found = re.findall(rf"^([ ]*)```{language}\n(.*?)^[ ]*```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def commands(text: str) -> list[list[str]]:
    """Return the commands that readers are told to type, as words."""
    lines = "".join(blocks(text, "console")).replace("\\\n", " ").splitlines()
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in lines if line.startswith("$ ")]


def loaded(source: str) -> list[Any]:
    """Run a block of Python, and return the tasks that it made."""
    if importlib.util.find_spec("airflow.dag_processing.dagbag") is None:
        source = source.replace("from airflow.dag_processing.dagbag import", "from airflow.models import")
    if importlib.util.find_spec("airflow.sdk") is None:
        source = source.replace("from airflow.sdk import", "from airflow.providers.common.compat.sdk import")
        import_module("airflow.utils.db").upgradedb()  # Airflow 2 looks aliases up as soon as a DAG waits for one
    tree = ast.parse(source)
    names: dict[str, Any] = {"__name__": "documentation"}
    # A call without arguments, at the top of a block, makes a DAG; all else makes tasks, of any DAG.
    makers = [node for node in tree.body if isinstance(node, ast.Expr) and re.fullmatch(r"\w+\(\)", ast.unparse(node))]
    tree.body = [node for node in tree.body if node not in makers]
    with DAG("documentation", schedule=None, start_date=START) as dag:
        exec(compile(tree, "documentation", "exec"), names)
    dags = [eval(ast.unparse(node), names) for node in makers]
    return [task for one in (dag, *dags) for task in one.tasks]


PYTHON = [(page, number) for page in PAGES for number in range(len(blocks(PAGES[page], "python")))]


@pytest.mark.parametrize(("page", "number"), PYTHON)
def test_every_block_of_python_runs_and_its_dags_load(page: str, number: int) -> None:
    source = blocks(PAGES[page], "python")[number]
    is_of_tests = source.startswith("# tests/")
    assert bool(loaded(source)) is not is_of_tests, "it makes tasks, unless it is for tests"


def test_the_manifest_that_is_shown_has_the_fields_of_a_manifest() -> None:
    (shown,) = blocks(PAGES["docs/sync.md"], "json")
    assert SyncManifest.parse(json.loads(shown)).documents == 9
    table = PAGES["docs/sync.md"].partition("| Count | Of documents |")[2]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named <= SyncManifest.model_fields.keys()
    counts = {name for name, field in SyncManifest.model_fields.items() if field.annotation is int}
    assert counts - named == {"bytes", "older_versions"}, "the last is one of ingestions"


def test_every_command_of_ours_is_explained() -> None:
    told = PAGES["docs/command-line.md"]
    assert [command.name for command in COMMANDS if f"| `{command.name}" not in told] == []


@each_page
def test_every_command_make_target_and_block_of_json_is_one(page: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z0-9-]+)", PAGES[page])) <= targets
    for block in blocks(PAGES[page], "json"):
        json.loads(block)
    stop = threading.Event()
    stop.set()
    for command in commands(PAGES[page]):
        match command:
            case ["pip", "install", *packages]:
                project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
                extras = {"", *project["optional-dependencies"]}
                assert {name.partition("[")[2].rstrip("]") for name in packages} <= extras | {"socks"}
            case ["python", "-m", "airflow_provider_xai_collections.emulator", *arguments]:
                arguments = ["0" if argument == "8321" else argument for argument in arguments]
                with redirect_stdout(StringIO()):
                    assert main(arguments, stop) == 0
            case ["airflow", "connections", "add", _, "--conn-type", "xai_collections", *rest]:
                assert rest[::2] == ["--conn-password", "--conn-extra"]
                assert json.loads(rest[3]).keys() <= set(EXTRAS)
            case ["export", *assignments]:
                for name, _, value in (assignment.partition("=") for assignment in assignments):
                    if name.startswith("AIRFLOW_CONN_"):
                        fields = json.loads(value.replace("…", "key"))
                        assert fields.pop("conn_type") == "xai_collections"
                        settings_from("it", host=None, port=None, password="key", extra=fields["extra"])
            case ["make", target, *_]:
                assert target in targets
            case ["xai-collections", "emulator", *_]:
                pass  # its arguments are those of the module
            case ["xai-collections", *arguments]:
                assert parser().parse_args(arguments).run
            case [program, *_]:
                assert program in ("airflow", "cd", "cp", "curl", "echo", "mkdir", "pytest", "python3")


def test_the_emulator_understands_the_faults_and_switches_that_are_shown() -> None:
    page, emulator = PAGES["docs/emulator.md"], Emulator()
    shown = [command for command in commands(page) if command[0] == "curl"]
    assert len(shown) == 5
    for _, url, *data in shown:
        method, body = ("POST", data[1].encode()) if data else ("GET", b"")
        answer = emulator.handle(HttpRequest(method, None, url.removeprefix("http://127.0.0.1:8321"), body=body))
        assert answer.status == 200, answer.body
    stop = threading.Event()
    stop.set()
    options = re.findall(r"`(--(?:set|indexing) [^`]+)`", page)
    assert len(options) >= 3
    for option in options:
        with redirect_stdout(StringIO()):
            assert main(shlex.split(option), stop) == 0


def test_every_extra_of_the_connection_is_explained() -> None:
    assert set(re.findall(r"extra `(\w+)`", PAGES["docs/connections.md"])) == set(EXTRAS)


@cache
def texts_of_the_product() -> list[str]:
    """Return the texts of each file of the product, with ``…`` where something is filled in."""
    found = []
    for path in (ROOT / "airflow_provider_xai_collections").rglob("*.py"):
        texts = []
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts.append("".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in parts))
        found.append("\n".join(texts))
    return found


def messages() -> Iterator[str]:
    """Yield each message that the page of failures explains."""
    for table in re.findall(r"^\| Message \|.*?(?=\n\n)", PAGES["docs/failures.md"], re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^\| `(.*?)` \|", table.replace(r"\|", "|"), re.MULTILINE)


@pytest.mark.parametrize("message", list(messages()))
def test_every_message_that_is_explained_is_one_of_the_code(message: str) -> None:
    parts = [part.strip(" :") for part in message.split("…")]
    assert any(all(part in texts for part in parts) for texts in texts_of_the_product())


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for path, anchor in docs_site.links_of(PAGES[page]):
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), path
        headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8") if anchor else "", re.MULTILINE)
        anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]
        assert not anchor or anchor.removeprefix("#") in anchors, f"{path}{anchor}"


def test_what_is_generated_is_current() -> None:
    check = [sys.executable, "-m", "scripts.generated", "--check"]
    done = subprocess.run(check, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@each_page
def test_plain_words_in_lines_that_are_short_but_for_tables_and_headings(page: str) -> None:
    assert [word[0] for pattern in PRIVATE for word in re.finditer(rf"\b{pattern}\b", PAGES[page], re.IGNORECASE)] == []
    prose = re.sub(r"^ *```.*?^ *```", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > 120 and not line.startswith(("|", "#"))]
    assert long == [] or page == "docs/reference.md"


# The README: a short first page that tells the truth.

README, CONTRIBUTING = PAGES["README.md"], PAGES["CONTRIBUTING.md"]


def test_it_is_a_first_page_and_says_what_it_is() -> None:
    assert len(README.splitlines()) <= 200
    assert "Nobody has run it against xAI's live service yet" in README.partition("```")[0]
    guarantees = README.partition("## Guarantees")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. ", guarantees, re.MULTILINE) == list("12345")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"(docs/{path.name})" not in README] == []
    assert f"## {__version__}" in PAGES["CHANGELOG.md"]


def test_its_reader_is_told_to_run_what_exists() -> None:
    told = commands(PAGES["README.md"])
    assert {command[0] for command in told} == {"pip", "make", "airflow"}
    assert ["make", "demo"] in told
    assert ["make", "test"] in told


def test_a_complete_dag_with_a_sync_comes_first() -> None:
    (source,) = blocks(README, "python")
    assert len(README.partition(source)[0].splitlines()) + len(source.splitlines()) <= 40
    (task,) = loaded(source)
    assert isinstance(task, XAISyncCollectionOperator)


def test_every_operator_the_sensor_and_the_decorator_are_in_the_table_of_choices() -> None:
    choices = README.partition("## Which operator do I want?")[2].partition("\n## ")[0]
    kinds = [kind.__name__ for kind in (*classes("operators"), *classes("sensors"))]
    assert [name for name in kinds if f"`{name}`" not in choices and name not in INNER] == []
    assert "`@task.xai_ingest`" in choices
    assert "`xai_sync_group`" in choices


def test_its_figures_are_those_of_the_code() -> None:
    one_line = " ".join(README.split())
    assert f"a call is tried {RetryPolicy().attempts} times" in one_line
    assert sum(endpoint.path.startswith("/v1/collections") for endpoint in ENDPOINTS if endpoint.source == "doc") == 11
    assert "all eleven" in one_line
    assert [endpoint.name for endpoint in ENDPOINTS if not hasattr(XAICollectionsHook, endpoint.name)] == []


def test_every_variable_of_the_demo_is_explained() -> None:
    script = (ROOT / "scripts" / "demo.py").read_text(encoding="utf-8")
    names = set(re.findall(r'environ(?:ment)?\.get\("(\w+)"', script))
    assert {"DOCS", "QUESTION", "PATTERN", "EXCLUDE", "LIVE"} <= names
    assert [name for name in names if not re.search(rf"\b{name}=", README)] == []


def test_contributing_maps_every_package_and_no_other() -> None:
    package = ROOT / "airflow_provider_xai_collections"
    packages = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    table = CONTRIBUTING.partition("## Where things are")[2].partition("\n## ")[0]
    assert [name for name in sorted(packages) if f"`{name}/`" not in table] == []
    assert [name for name in sorted(modules) if f"`{name}`" not in table] == []
    ours = {"dags", "docs", "scripts", "tests", "benchmarks", "templates", "static"}
    assert set(re.findall(r"`(\w+)/`", table)) - packages <= ours


# The site


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what the site is made of."""
    root = tmp_path / "repository"
    for folder in ("docs", "dags"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in docs_site.PAGES:
        (root / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    return root


@pytest.mark.skipif(importlib.util.find_spec("zensical") is None, reason="it is built where Airflow is 3 alone")
def test_the_site_is_built_and_asks_no_other_host(repository: Path, tmp_path: Path) -> None:
    assert docs_site.build(repository, tmp_path / "out") == 0
    site = tmp_path / "out" / "site"
    pages = {page.replace(".md", ".html") for page in docs_site.pages_of(repository).values()}
    assert pages == {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html"}
    loaded = re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?://[^\" >]+)")
    assert {url for page in pages for url in loaded.findall((site / page).read_text(encoding="utf-8"))} == set()


def test_a_broken_link_ends_the_build(repository: Path, tmp_path: Path) -> None:
    page = repository / "docs" / "ingest.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[broken](nowhere.md)\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"docs/ingest.md has a link to nowhere.md"):
        docs_site.build(repository, tmp_path / "out")
