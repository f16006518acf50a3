"""Dependencies: declared if imported, imported if declared, under licences that allow it; the packages; the locks."""

from __future__ import annotations

import ast
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from airflow.triggers.base import BaseTrigger
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from scripts.versions import RELEASES, ROOT, Release, declared_pythons, locked

PACKAGE = ROOT / "airflow_provider_xai_collections"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [Requirement(text) for text in PROJECT["dependencies"]]
OF_THE_EMULATOR = [Requirement(text) for text in PROJECT["optional-dependencies"]["emulator"]]

#: Distributions by what they are imported as, the longest names first.
DISTRIBUTIONS = {
    "airflow.providers.common.compat": "apache-airflow-providers-common-compat",
    "airflow.providers.common.io": "apache-airflow-providers-common-io",
    "airflow.providers.openlineage": "apache-airflow-providers-openlineage",
    "airflow": "apache-airflow",
    "docx": "python-docx",
    "flask_appbuilder": "flask-appbuilder",
    "pptx": "python-pptx",
    "yaml": "pyyaml",
}
#: Imported where they are needed, which is nowhere without them: OpenLineage asks for its facets, Airflow before 3.2
#: for the fields of its form, pytest for fixtures, a shell for completion, and Airflow's API server, from 3 on, is made
#: of Starlette.
GUESTS = {
    "lineage/openlineage.py": {"apache-airflow-providers-openlineage", "attrs"},
    "operators/base.py": {"apache-airflow-providers-openlineage"},
    "operators/search.py": {"apache-airflow-providers-openlineage"},
    "cli/main.py": {"argcomplete"},
    "hooks/forms.py": {"flask-appbuilder", "wtforms"},
    "emulator/pytest_plugin.py": {"pytest"},
    "plugin/airflow_api.py": {"starlette"},
    "plugin/app.py": {"starlette"},
    "plugin/looks.py": {"starlette"},
}
#: Needed, and imported by Airflow: it knows what to do with the URI of a ``file://`` asset.
ONLY_INSTALLED = {"apache-airflow-providers-common-io"}

PERMISSIVE = re.compile(r"Apache-2\.0|Apache Software License|MIT|BSD", re.IGNORECASE)
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public License", re.IGNORECASE)


def distributions(path: Path) -> Iterator[str]:
    """Yield what a file imports that is neither ours nor Python's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "every import here is absolute"
            names = [node.module or ""]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if (root := name.partition(".")[0]) not in (*sys.stdlib_module_names, PACKAGE.name):
                yield next(
                    (there for prefix, there in DISTRIBUTIONS.items() if f"{name}.".startswith(f"{prefix}.")), root
                )


def test_all_that_is_imported_is_declared_and_the_product_does_not_need_the_extra_of_the_emulator() -> None:
    by_the_emulator: set[str] = set()
    by_the_product: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        found = by_the_emulator if place.parts[0] == "emulator" else by_the_product
        found |= set(distributions(path)) - GUESTS.get(place.as_posix(), set())
    assert by_the_product | ONLY_INSTALLED == {requirement.name for requirement in DECLARED}
    extra = {requirement.name for requirement in OF_THE_EMULATOR}
    assert by_the_emulator == extra | {"blake3", "pydantic"}


def test_guests_are_really_there_and_attrs_with_openlineage() -> None:
    assert [place for place, names in GUESTS.items() if not names <= set(distributions(PACKAGE / place))] == []
    requirements = map(Requirement, metadata("apache-airflow-providers-openlineage").get_all("Requires-Dist") or ())
    assert "attrs" in {requirement.name for requirement in requirements if requirement.marker is None}


every_dependency = pytest.mark.parametrize("requirement", [*DECLARED, *OF_THE_EMULATOR], ids=lambda each: each.name)


@every_dependency
def test_each_has_a_lower_bound_alone_and_a_permissive_licence(requirement: Requirement) -> None:
    assert [specifier.operator for specifier in requirement.specifier] == [">="]
    assert (requirement.marker, requirement.url) == (None, None)
    found = metadata(requirement.name)
    said = [line for name in ("License-Expression", "License") for line in found.get_all(name) or ()]
    said += [line for line in found.get_all("Classifier") or () if line.startswith("License ::")]
    assert PERMISSIVE.search(" ".join(said)), said
    assert not COPYLEFT.search(" ".join(said)), said


def test_nothing_that_is_imported_at_once_comes_from_a_guest() -> None:
    """Importing every module takes only what is declared: where a guest is absent, its rooms stay closed."""
    modules: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        imports = (
            node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)
        )
        modules[path.relative_to(PACKAGE).as_posix()] = {node.module or "" for node in imports}
    guests = ("airflow.providers.openlineage", "attrs")
    assert [place for place, names in modules.items() if any(name.startswith(guests) for name in names)] == [
        "lineage/openlineage.py"
    ], "which is imported inside methods alone"
    assert [place for place, names in modules.items() if f"{PACKAGE.name}.lineage.openlineage" in names] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """A wheel built of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def in_the_wheel(wheel: ZipFile) -> Message:
    """The metadata of the wheel."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


def test_the_wheel_has_the_package_the_pages_the_recipes_and_the_reference(wheel: ZipFile) -> None:
    package = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    recipes = {f"{PACKAGE.name}/recipes/{path.name}" for path in (ROOT / "dags").glob("*.py")}
    pages = {
        path.relative_to(ROOT).as_posix()
        for folder in ("static", "templates")
        for path in (PACKAGE / "plugin" / folder).iterdir()
    }
    others = {name for name in wheel.namelist() if ".dist-info/" not in name} - package - recipes - pages
    assert package | recipes | pages <= set(wheel.namelist())
    assert others == {f"{PACKAGE.name}/reference.md", f"{PACKAGE.name}/py.typed"}


def test_the_source_distribution_has_the_documentation_and_the_recipes(tmp_path: Path) -> None:
    (path,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = [
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/pictures/*"),
        *ROOT.glob("dags/*.py"),
        *ROOT.glob("*.md"),
        ROOT / "Makefile",
    ]
    assert {path.relative_to(ROOT).as_posix() for path in wanted} <= names
    assert [name for name in names if name.startswith((".ci", ".site", ".venv"))] == []


def test_the_wheel_says_where_to_read_on_and_no_link_of_its_readme_leads_nowhere(in_the_wheel: Message) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    urls = dict(line.split(", ", 1) for line in in_the_wheel.get_all("Project-URL") or ())
    assert "Documentation" in urls, "which Airflow shows"
    assert all(url.startswith("https://") and url in readme for url in urls.values())
    assert in_the_wheel["Description-Content-Type"].startswith("text/markdown")
    payload = in_the_wheel.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    link = re.compile(r"\]\(([^)\s]*)\)")
    external = [target for target in link.findall(readme) if target.startswith("https://")]
    assert link.findall(text) == external
    assert len(external) < len(link.findall(readme)), "there are others, or this test shows nothing"
    # What is no link stays as it is; of a link, its words do.
    assert re.findall(r"```.*?```", text, re.DOTALL) == re.findall(r"```.*?```", readme, re.DOTALL)
    assert "reference (`docs/reference.md`)" in text
    assert "a DAG (`dags/xai_quickstart.py`)" in text


# Releases of Airflow, as the README names them: locked, declared and installed.

INSTALLED = metadata("apache-airflow")
LOCKS = [release for release in RELEASES if release.constraints.exists()]
each_lock = pytest.mark.parametrize("release", LOCKS, ids=lambda release: release.name)


def current() -> Release:
    """The release that runs these tests."""
    return max(
        (release for release in RELEASES if Version(release.name) <= Version(INSTALLED["Version"])),
        key=lambda release: Version(release.name),
    )


def test_the_oldest_release_is_the_floor_and_oldest_and_newest_are_tested() -> None:
    (floor,) = (each for each in map(Requirement, PROJECT["dependencies"]) if each.name == "apache-airflow")
    assert str(floor.specifier) == f">={RELEASES[0].name}"
    assert (RELEASES[0], RELEASES[-1]) == (LOCKS[0], LOCKS[-1])
    assert {f"airflow-{release.name}.txt" for release in LOCKS} == {
        path.name for path in (ROOT / "constraints").glob("airflow-*.txt")
    }


@each_lock
def test_a_lock_is_of_its_release_and_has_names_and_versions_only(release: Release) -> None:
    assert locked(release).startswith(f"{release.name}.")
    lines = release.constraints.read_text(encoding="utf-8").splitlines()
    with_the_provider_of_s3 = {"apache-airflow-providers-amazon", "s3fs", "moto"}
    # In the middle, only the pages are tried.
    if release in (RELEASES[0], RELEASES[-1]):
        assert {line.partition("==")[0] for line in lines} >= with_the_provider_of_s3
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9-]*==[0-9][\w.]*( ; [^/@]+)?", line)] == []


def test_what_does_not_know_airflow_meets_the_same_libraries_on_all() -> None:
    """That is why its tests run on one only: see CONTRIBUTING.md."""
    names = {"blake3", "httpx", "pendulum", "pydantic", "starlette", "uvicorn"}
    names |= {"openpyxl", "pypdf", "python-docx", "python-pptx", "striprtf"}
    versions = [
        {line for line in release.constraints.read_text(encoding="utf-8").splitlines() if line.split("==")[0] in names}
        for release in LOCKS
    ]
    assert [len(each) for each in versions] == [len(names)] * len(LOCKS)
    assert versions[0] == versions[-1], "run `make lock`"


def test_the_oldest_python_is_the_floor_and_the_newest_of_this_airflow_is_as_the_table_says() -> None:
    assert PROJECT["requires-python"] == f">=3.{min(declared_pythons())}"
    supported = SpecifierSet(INSTALLED["Requires-Python"])
    assert f"3.{current().newest_python}" in supported
    assert f"3.{current().newest_python + 1}" not in supported


def test_this_airflow_has_what_the_table_says_it_adds_and_no_more() -> None:
    newest = current() is RELEASES[-1]
    assert hasattr(BaseTrigger, "on_kill") is newest
    assert (
        find_spec("airflow.sdk") is not None and find_spec("airflow.sdk.definitions.retry_policy") is not None
    ) is newest
