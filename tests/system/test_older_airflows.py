"""The wheel on other releases of Airflow than the one that the rest of these tests runs on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.system.browsers import Console, open_page
from tests.system.emulators import API_KEY, MANAGEMENT_KEY, RunningEmulator
from tests.system.installed import Installed
from tests.system.wheels import Environments

OURS = "xai-collections"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    """An empty service."""
    emulator = RunningEmulator("older", tmp_path, os.environ)
    yield emulator
    emulator.stop()


def installed(environments: Environments, release: str, folder: Path) -> Installed:
    home = folder / f"user-{release}"
    home.mkdir()
    return Installed(environments.make(release), home)


def test_airflow_3_1_shows_the_page_in_both_themes(
    environments: Environments, emulator: RunningEmulator, tmp_path: Path, browser: Browser, screenshots: Path
) -> None:
    airflow = installed(environments, "3.1", tmp_path)
    airflow.connect(emulator)
    airflow.run_dag()
    process, url = airflow.start_api_server()
    try:
        for theme in ("light", "dark"):
            with open_page(browser, url, color_scheme=theme) as page:
                console = Console(page)
                page.goto("/")
                page.get_by_role("button", name="Browse").click()
                page.get_by_role("menuitem", name="xAI Collections").click()
                ours = page.frame_locator("iframe")
                row = ours.get_by_role("row").filter(has_text="handbook")
                expect(row).to_contain_text("In step")
                expect(row).to_contain_text("2 processed, 0 in progress, 0 failed")
                page.screenshot(path=screenshots / f"airflow-3.1-{theme}.png")
                assert ours.locator("html").evaluate("root => getComputedStyle(root).colorScheme") == theme
                row.get_by_role("link", name="handbook").click()
                ours.get_by_role("link", name="Runs", exact=True).click()
                expect(ours.get_by_role("table")).to_contain_text("Done")
                assert console.errors == []
    finally:
        process.stop()


def test_airflow_2_has_the_command_line_and_no_harm_from_the_pages(
    environments: Environments, emulator: RunningEmulator, tmp_path: Path
) -> None:
    airflow = installed(environments, "2.11", tmp_path)
    plain = airflow.variables
    keys = {
        "XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY,
        "XAI_API_KEY": API_KEY,
        "XAI_MANAGEMENT_HOST": emulator.url,
        "XAI_API_HOST": emulator.url,
    }
    folder = airflow.source
    assert "sync" in airflow.run(OURS, "--help")
    airflow.variables = plain | keys
    assert "emulator" in airflow.run(OURS, "doctor")
    assert json.loads(airflow.run(OURS, "ls", "-o", "json")) == []
    assert "contracts.md" in airflow.run(OURS, "diff", folder, "handbook", code=1)
    airflow.run(OURS, "sync", folder, "handbook")
    airflow.run(OURS, "diff", folder, "handbook")
    airflow.variables = plain | {"AIRFLOW_CONN_BY_NAME": emulator.connection}
    named = ("--conn-id", "by_name")
    (found,) = json.loads(airflow.run(OURS, "ls", "-o", "json", *named))
    assert (found["name"], found["documents"]) == ("handbook", 2)
    assert "managing directors" in airflow.run(OURS, "search", "handbook", "Who signs contracts?", *named)
    airflow.run(OURS, "verify", folder, "handbook", *named)
    told = airflow.try_run("airflow", "plugins")
    assert told.returncode == 0
    assert "xai_collections" in told.stdout
    assert "Failed to import plugin" not in told.stdout + told.stderr


def test_airflow_3_3_has_the_command_and_answers_with_one_document(
    environments: Environments, emulator: RunningEmulator, tmp_path: Path
) -> None:
    airflow = installed(environments, "3.3", tmp_path)
    emulator.create_collection("handbook")
    airflow.run("airflow", "db", "migrate")
    airflow.run("airflow", "connections", "add", "xai_collections_default", "--conn-json", emulator.connection)
    (found,) = json.loads(airflow.run("airflow", OURS, "ls", "-o", "json"))
    assert found["name"] == "handbook"
