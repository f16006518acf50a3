"""Links in a source: those that stay in it are followed, those that lead out are told of and left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAISourceError

from .conftest import listed, names, write


def linked(tmp_path: Path) -> Path:
    """A drop folder into which somebody has put links."""
    write(tmp_path, "here/a.md", "here/b/c.md", "secret/airflow.cfg", "shared/d.md")
    (tmp_path / "here/notes.md").symlink_to(tmp_path / "secret/airflow.cfg")
    (tmp_path / "here/b/shared").symlink_to("../../shared")
    return tmp_path / "here"


def test_links_that_lead_out_are_listed_as_unfit_with_the_reason(tmp_path: Path) -> None:
    items = {item.name: item for item in listed(linked(tmp_path))}
    assert sorted(items) == ["a.md", "b/c.md", "b/shared", "notes.md"]
    for name, place in (("notes.md", "secret/airflow.cfg"), ("b/shared", "shared")):
        item = items[name]
        said = f"it is a link that leads out of the source, to '{tmp_path}/{place}': follow_links=True takes such links"
        assert (item.unfit, item.size, item.fingerprint) == (said, 0, None)
    assert not items["a.md"].unfit


def test_links_that_lead_out_are_taken_if_asked_for(tmp_path: Path) -> None:
    items = listed(linked(tmp_path), follow_links=True)
    assert [item.name for item in items] == ["a.md", "b/c.md", "b/shared/d.md", "notes.md"]
    assert all(item.fingerprint and not item.unfit for item in items)


@pytest.mark.parametrize(
    ("choice", "unfit"),
    [
        ({"exclude": ["notes.md", "shared/"]}, []),
        ({"pattern": "/a.md"}, []),
        ({"pattern": "/b/c*"}, []),
        ({"pattern": "*.md"}, ["b/shared", "notes.md"]),  # files below the folder may match
    ],
)
def test_links_that_are_not_wanted_are_no_matter(tmp_path: Path, choice: dict[str, Any], unfit: list[str]) -> None:
    assert [item.name for item in listed(linked(tmp_path), **choice) if item.unfit] == unfit


def test_links_inside_the_source_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "here/real/a.md")
    (tmp_path / "here/again").symlink_to("real")
    (tmp_path / "here/b.md").symlink_to(tmp_path / "here/real/a.md")
    (tmp_path / "here/round.md").symlink_to("../here/real/a.md")
    assert [(item.name, item.unfit) for item in listed(tmp_path / "here")] == [
        (name, "") for name in ("again/a.md", "b.md", "real/a.md", "round.md")
    ]
    assert names(f"{tmp_path}/here/again/*.md") == ["a.md"]


def test_a_config_map_is_read(tmp_path: Path) -> None:
    """Kubernetes mounts one so: it shows links into a hidden folder, which is changed at once."""
    write(tmp_path, "..2026_01_01/a.md", "..2026_01_01/b.md")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    for name in ("a.md", "b.md"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    for source in (tmp_path, f"{tmp_path}/*.md"):
        found = [(item.name, item.size, item.unfit) for item in listed(source)]
        assert found == [("a.md", 15, ""), ("b.md", 15, "")]


@pytest.mark.parametrize("below", ["", "/docs", "/docs/*.md", "/**/*.md"])
def test_git_sync_is_read(tmp_path: Path, below: str) -> None:
    """It checks out beside a link, and turns the link."""
    write(tmp_path, ".worktrees/1f2e/docs/a.md")
    (tmp_path / "repository").symlink_to(".worktrees/1f2e")
    (item,) = listed(f"{tmp_path}/repository{below}")
    assert (item.unfit, item.size) == ("", 15)
    assert item.uri == (tmp_path / "repository/docs/a.md").as_uri()
    assert names(tmp_path) == ["repository/docs/a.md"]


def test_a_link_that_is_named_itself_is_taken(tmp_path: Path) -> None:
    source = linked(tmp_path)
    assert names(source / "notes.md") == ["notes.md"]
    assert names(source / "b/shared") == ["d.md"]


def test_a_folder_that_begins_alike_is_another(tmp_path: Path) -> None:
    write(tmp_path, "here/a.md", "here2/b.md")
    (tmp_path / "here/link").symlink_to(tmp_path / "here2")
    assert [item.name for item in listed(tmp_path / "here") if item.unfit] == ["link"]


def test_where_there_is_no_link_nothing_is_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md", "b/c.md")
    monkeypatch.delattr(os.path, "realpath")  # it costs a look at each folder on the way
    assert names(tmp_path) == ["a.md", "b/c.md"]


def test_a_loop_in_a_folder_that_is_left_out_does_no_harm_as_the_error_says(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b/c.md")
    (tmp_path / "b/again").symlink_to(tmp_path / "b")
    with pytest.raises(XAISourceError, match=r"Remove the link, or leave it out with exclude=\['b/again/'\]"):
        listed(tmp_path)
    assert names(tmp_path, exclude=["b/again/"]) == ["a.md", "b/c.md"]
    assert names(tmp_path, exclude=["b/"]) == ["a.md"]
