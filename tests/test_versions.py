"""The versions that the README names are those that are locked, declared and installed."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import metadata
from importlib.util import find_spec

import pytest
from airflow.triggers.base import BaseTrigger
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from scripts.versions import RELEASES, ROOT, Release, declared_pythons, locked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
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
    assert [RELEASES[0], RELEASES[-1]] == LOCKS
    assert {f"airflow-{release.name}.txt" for release in LOCKS} == {
        path.name for path in (ROOT / "constraints").glob("airflow-*.txt")
    }


@each_lock
def test_a_lock_is_of_its_release_and_has_names_and_versions_only(release: Release) -> None:
    assert locked(release).startswith(f"{release.name}.")
    lines = release.constraints.read_text(encoding="utf-8").splitlines()
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


def test_the_oldest_python_is_the_floor() -> None:
    assert PROJECT["requires-python"] == f">=3.{min(declared_pythons())}"


def test_the_newest_python_of_this_airflow_is_as_the_table_says() -> None:
    supported = SpecifierSet(INSTALLED["Requires-Python"])
    assert f"3.{current().newest_python}" in supported
    assert f"3.{current().newest_python + 1}" not in supported


def test_this_airflow_has_what_the_table_says_it_adds_and_no_more() -> None:
    newest = current() is RELEASES[-1]
    assert hasattr(BaseTrigger, "on_kill") is newest
    assert (
        find_spec("airflow.sdk") is not None and find_spec("airflow.sdk.definitions.retry_policy") is not None
    ) is newest
