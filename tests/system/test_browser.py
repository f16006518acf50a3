"""The views of a user in a browser: the form of the connection, and the graph of a run that is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from airflow_provider_xai_collections.get_provider_info import get_provider_info
from tests.system.browsers import open_page
from tests.system.emulators import API_KEY, MANAGEMENT_KEY
from tests.system.stack import Stack
from tests.system.test_recipes import Recipes

CONNECTION_TYPE = get_provider_info()["connection-types"][0]
#: What the form saves.
CONN_ID = "xai_by_hand"


@pytest.fixture
def page(stack: Stack, browser: Browser) -> Iterator[Page]:
    """An empty page of a user who is logged in."""
    with open_page(browser, stack.api.url) as page:
        page.goto("/auth/token/login")
        yield page


def fill_in(page: Page, stack: Stack) -> None:
    """A new connection to the emulator, with both keys, not saved yet."""
    emulator = stack.emulators["xai_collections_default"]
    host, _, port = emulator.url.rpartition(":")
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox").fill("xai")
    page.get_by_role("option", name="xAI Collections").click()
    form.get_by_label("Connection ID").fill(CONN_ID)
    form.get_by_label("Management host").fill(host)
    form.get_by_label("Management port").fill(port)
    form.get_by_label("Management key").fill(MANAGEMENT_KEY)
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    # Airflow ties no label to the field of an extra.
    form.locator("[name=element_api_key]").fill(API_KEY)
    form.locator("[name=element_api_host]").fill(emulator.url)


def test_the_form_shows_our_fields_hides_both_keys_saves_and_tests(page: Page, stack: Stack, screenshots: Path) -> None:
    fill_in(page, stack)
    form = page.get_by_role("dialog")
    page.screenshot(path=screenshots / "connection-extras.png")
    for name, field in CONNECTION_TYPE["conn-fields"].items():
        box = form.locator(f"[data-scope=field][data-part=root]:has([name=element_{name}])")
        expect(box).to_contain_text(field["label"])
        expect(box).to_contain_text(field["description"])
    expect(form.locator("[name=element_api_key]")).to_have_attribute("type", "password")
    form.get_by_role("button", name="Standard Fields").click()
    expect(form.get_by_label("Management key")).to_be_visible()
    page.screenshot(path=screenshots / "connection-standard-fields.png")
    expect(form.get_by_label("Management key")).to_have_attribute("type", "password")
    expect(form.get_by_label("Management host")).to_have_attribute("placeholder", "https://management-api.x.ai")
    for hidden in ("Login", "Schema"):
        expect(form.get_by_label(hidden)).to_have_count(0)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    row = page.get_by_role("row").filter(has_text=CONN_ID)
    with page.expect_response("**/connections/test") as answered:
        row.get_by_role("button", name="Test Connection").click()
    said = answered.value.json()
    assert said.get("status") is True, said
    expect(page.get_by_text("Test Connection Successful")).to_be_visible()
    page.screenshot(path=screenshots / "connection-tested.png")
    assert API_KEY not in page.content()


def test_the_graph_of_a_recipe_is_green_and_a_task_leads_to_its_collection(
    page: Page, recipes: Recipes, screenshots: Path
) -> None:
    run = recipes.by_user["xai_quickstart"]
    run.ends("success")
    page.goto(f"/dags/xai_quickstart/runs/{run.run_id}")
    page.get_by_role("button", name="Show Graph").click()
    for task in run.tasks():
        expect(page.get_by_test_id(f"rf__node-{task['task_id']}")).to_contain_text("success")
    expect(page.get_by_test_id("rf__node-sync")).to_contain_text("xAI sync")
    page.screenshot(path=screenshots / "graph.png")
    page.goto(f"/dags/xai_quickstart/runs/{run.run_id}/tasks/sync/details")
    link = page.get_by_role("link", name="xAI collections")
    expect(link).to_have_attribute("href", re.compile("^/plugin/xai-collections/xai-collections/c/collection_"))
    page.screenshot(path=screenshots / "task.png")
