"""Dependencies: declared if imported, imported if declared, under licences that allow it; and what an index tells."""

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
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

from scripts.versions import RELEASES, ROOT, Release

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
}
#: Imported where they are needed, which is nowhere without them: OpenLineage asks for its facets, Airflow before 3.2
#: for the fields of its form, pytest for fixtures.
GUESTS = {
    "lineage/openlineage.py": {"apache-airflow-providers-openlineage", "attrs"},
    "operators/base.py": {"apache-airflow-providers-openlineage"},
    "operators/search.py": {"apache-airflow-providers-openlineage"},
    "hooks/forms.py": {"flask-appbuilder", "wtforms"},
    "emulator/pytest_plugin.py": {"pytest"},
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


def imported(*, by_the_emulator: bool) -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        if (place.parts[0] == "emulator") is by_the_emulator:
            found |= set(distributions(path)) - GUESTS.get(place.as_posix(), set())
    return found


def test_all_that_is_imported_is_declared_and_all_that_is_declared_is_imported() -> None:
    assert imported(by_the_emulator=False) | ONLY_INSTALLED == {requirement.name for requirement in DECLARED}


def test_the_emulator_needs_its_extra_and_the_product_does_not() -> None:
    extra = {requirement.name for requirement in OF_THE_EMULATOR}
    assert imported(by_the_emulator=True) == extra | {"blake3", "pydantic"}


def test_guests_are_really_there() -> None:
    for place, names in GUESTS.items():
        assert set(distributions(PACKAGE / place)) >= names, place


def test_who_takes_openlineage_gets_attrs_with_it() -> None:
    requirements = map(Requirement, metadata("apache-airflow-providers-openlineage").get_all("Requires-Dist") or ())
    assert "attrs" in {requirement.name for requirement in requirements if requirement.marker is None}


every_dependency = pytest.mark.parametrize("requirement", [*DECLARED, *OF_THE_EMULATOR], ids=lambda each: each.name)


@every_dependency
def test_each_has_a_lower_bound_and_nothing_else_that_would_hold_others_back(requirement: Requirement) -> None:
    assert [specifier.operator for specifier in requirement.specifier] == [">="]
    assert requirement.marker is None
    assert requirement.url is None


@every_dependency
def test_each_is_under_a_permissive_licence(requirement: Requirement) -> None:
    found = metadata(requirement.name)
    said = [line for name in ("License-Expression", "License") for line in found.get_all(name) or ()]
    said += [line for line in found.get_all("Classifier") or () if line.startswith("License ::")]
    assert PERMISSIVE.search(" ".join(said)), said
    assert not COPYLEFT.search(" ".join(said)), said


def test_nothing_that_is_imported_at_once_comes_from_a_guest() -> None:
    """Importing every module takes only what is declared: where a guest is absent, its rooms stay closed."""
    eager = {
        place
        for place in GUESTS
        for node in ast.parse((PACKAGE / place).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("airflow.providers.openlineage", "attrs"))
    }
    assert eager == {"lineage/openlineage.py"}, "which is imported inside methods alone"
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("lineage.openlineage")
    }
    assert importers == set()


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


def test_the_wheel_has_the_package_the_recipes_and_the_reference(wheel: ZipFile) -> None:
    package = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    recipes = {f"{PACKAGE.name}/recipes/{path.name}" for path in (ROOT / "dags").glob("*.py")}
    others = {name for name in wheel.namelist() if ".dist-info/" not in name} - package - recipes
    assert package | recipes <= set(wheel.namelist())
    assert others == {f"{PACKAGE.name}/reference.md", f"{PACKAGE.name}/py.typed"}


def test_the_source_distribution_has_the_documentation_and_the_recipes(tmp_path: Path) -> None:
    (path,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = [*ROOT.glob("docs/*"), *ROOT.glob("dags/*.py"), *ROOT.glob("*.md"), ROOT / "Makefile"]
    assert {path.relative_to(ROOT).as_posix() for path in wanted} <= names
    assert [name for name in names if name.startswith((".ci", ".site", ".venv"))] == []


def test_the_wheel_says_where_to_read_on(in_the_wheel: Message) -> None:
    urls = dict(line.split(", ", 1) for line in in_the_wheel.get_all("Project-URL") or ())
    assert "Documentation" in urls, "which Airflow shows"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(url.startswith("https://") and url in readme for url in urls.values())


def test_no_link_of_the_wheels_readme_leads_nowhere(in_the_wheel: Message) -> None:
    assert in_the_wheel["Description-Content-Type"].startswith("text/markdown")
    payload = in_the_wheel.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text, readme = payload.decode(), (ROOT / "README.md").read_text(encoding="utf-8")
    link = re.compile(r"\]\(([^)\s]*)\)")
    external = [target for target in link.findall(readme) if target.startswith("https://")]
    assert link.findall(text) == external
    assert len(external) < len(link.findall(readme)), "there are others, or this test shows nothing"
    # What is no link stays as it is; of a link, its words do.
    assert re.findall(r"```.*?```", text, re.DOTALL) == re.findall(r"```.*?```", readme, re.DOTALL)
    assert "reference (`docs/reference.md`)" in text
    assert "a DAG (`dags/xai_quickstart.py`)" in text


@pytest.mark.parametrize("release", [each for each in RELEASES if each.constraints.exists()], ids=lambda one: one.name)
def test_a_lock_goes_together_with_the_provider_of_s3(release: Release) -> None:
    locked = {line.partition("==")[0] for line in release.constraints.read_text(encoding="utf-8").splitlines()}
    assert {"apache-airflow-providers-amazon", "s3fs", "moto"} <= locked
