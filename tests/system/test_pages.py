"""The pages in Airflow's UI, in a browser: what users see of collections and runs, with their own permissions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from airflow_provider_xai_collections.plugin.overview import COLLECTIONS_PER_PAGE
from tests.system.browsers import Console, open_page
from tests.system.emulators import RunningEmulator
from tests.system.filling import HOSTILE, HOSTILE_DOCUMENT, MANY, fill
from tests.system.processes import until
from tests.system.rest import Run
from tests.system.scenario import scenario
from tests.system.stack import Stack

#: Airflow's page with ours in it, and ours alone.
ENTRY, OURS = "/plugin/xai-collections", "/xai-collections"
#: Of the base URL of the second API server.
PATH = "/data/airflow"
#: Seconds within which a page comes even if xAI does not answer.
SOON_ENOUGH = 20
COLLECTIONS, DOCUMENTS = 150, 100_000
#: A file that xAI cannot read.
BROKEN = b"%PDF-1.7 broken"
USERS = ("viewer", "op", "admin")


@dataclass(frozen=True)
class History:
    """Runs of two collections, oldest first."""

    handbook: list[Run]
    contracts: list[Run]
    ids: dict[str, str]


@scenario
def pages_history(stack: Stack) -> History:
    """Syncs that add, replace, and fail to process a document."""
    folders = {name: stack.sources / name for name in ("handbook", "contracts")}
    for folder in folders.values():
        folder.mkdir()
    for name in ("holidays", "expenses", "travel"):
        (folders["handbook"] / f"{name}.md").write_text(f"# {name}\n\nAsk your team lead about {name}.\n")
    (folders["contracts"] / "frame-contract.md").write_text("# Frame contract\n\nSigned by two directors.\n")
    (folders["contracts"] / "scan.pdf").write_bytes(BROKEN)
    first, contracts = (_sync(stack, name, folders[name]) for name in ("handbook", "contracts"))
    first.ends()
    (folders["handbook"] / "expenses.md").write_text("# Expenses\n\nSend receipts within a month.\n")
    (folders["handbook"] / "remote-work.md").write_text("# Remote work\n\nTwo days a week.\n")
    second = _sync(stack, "handbook", folders["handbook"])
    second.ends()
    contracts.ends()
    ids = {each["collection_name"]: each["collection_id"] for each in stack.emulators["xai_pages"].collections()}
    return History([first, second], [contracts], ids)


def _sync(stack: Stack, name: str, folder: Path) -> Run:
    return stack.api.trigger(f"sync_{name}", {"documents": str(folder)})


@contextmanager
def filled(stack: Stack, name: str, folder: Path, *, collections: int, documents: int) -> Iterator[RunningEmulator]:
    """Run an emulator that holds so much; the connection to it is in Airflow's database."""
    fill(folder / f"{name}.sqlite", collections=collections, documents=documents)
    emulator = RunningEmulator(name, folder, {})
    connection = json.loads(emulator.connection)
    body = {"connection_id": name, **connection, "extra": json.dumps(connection["extra"])}
    try:
        stack.api.ask("POST", "/connections", json=body)
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(scope="session")
def second(stack: Stack) -> str:
    """Airflow below a path, with two workers, and users with passwords; its address."""
    passwords = stack.home / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-password" for name in USERS}))
    return stack.second_api_server(
        PATH,
        workers=2,
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="False",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=",".join(f"{name}:{name}" for name in USERS),
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
    )


@pytest.fixture
def page(stack: Stack, browser: Browser) -> Iterator[Page]:
    """The page of a user who may do everything. Nothing on it may go wrong."""
    with opened(browser, stack.api.url) as page:
        page.goto("/auth/token/login")
        yield page


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    with open_page(browser, url, color_scheme="light") as page:
        console = Console(page)
        yield page
    assert console.errors == []


def query(conn_id: str = "xai_pages") -> str:
    return f"?conn={conn_id}"


def inside(page: Page, path: str = "/", conn_id: str = "xai_pages") -> FrameLocator:
    """Open one of our pages within Airflow's, by its address, as somebody to whom it was sent."""
    page.goto(f"{ENTRY}{OURS}{path}{query(conn_id)}")
    return page.frame_locator("iframe")


def shot(page: Page, screenshots: Path, name: str) -> None:
    page.screenshot(path=screenshots / f"pages-{name}.png")


def scheme(ours: FrameLocator) -> object:
    return ours.locator("html").evaluate("root => getComputedStyle(root).colorScheme")


def test_a_user_goes_through_the_pages(page: Page, pages_history: History, screenshots: Path) -> None:
    page.goto("/")
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="xAI Collections").click()
    ours = inside(page)
    row = ours.get_by_role("row").filter(has_text="contracts")
    expect(row).to_contain_text("1 failed")
    row = ours.get_by_role("row").filter(has_text="handbook")
    expect(row).to_contain_text("In step")
    shot(page, screenshots, "collections")
    row.get_by_role("link", name="handbook").first.click()
    expect(ours.get_by_role("row").filter(has_text="remote-work.md")).to_contain_text("Processed")
    shot(page, screenshots, "documents")
    ours.get_by_role("link", name="Runs", exact=True).click()
    expect(ours.get_by_role("table").get_by_role("row")).to_have_count(1 + len(pages_history.handbook))
    shot(page, screenshots, "runs")
    ours.get_by_role("link", name="Settings and cost").click()
    expect(ours.get_by_role("heading", name="Cost")).to_be_visible()
    shot(page, screenshots, "settings")
    ours.get_by_role("link", name="Ask", exact=True).click()
    ours.get_by_role("textbox").first.fill("Who is asked about holidays?")
    ours.get_by_role("button", name=re.compile("^(Ask|Search)")).first.click()
    expect(ours.locator("blockquote").first).to_contain_text("holidays")
    shot(page, screenshots, "ask")
    ours.get_by_role("link", name="Failed documents").first.click()
    expect(ours.get_by_role("main")).to_contain_text("scan.pdf")
    shot(page, screenshots, "failed")


def test_it_follows_the_theme_of_airflow_while_it_is_open(
    page: Page, pages_history: History, screenshots: Path
) -> None:
    ours = inside(page, f"/c/{pages_history.ids['handbook']}/runs")
    expect(ours.get_by_role("table")).to_be_visible()
    assert scheme(ours) == "light"
    for theme in ("dark", "light", "dark"):
        page.evaluate("theme => { document.documentElement.className = theme }", theme)
        expect(ours.locator(f"html.{theme}")).to_have_count(1)
        assert scheme(ours) == theme
    shot(page, screenshots, "runs-dark")
    page.emulate_media(color_scheme="dark")
    ours = inside(page)
    expect(ours.locator("html.dark")).to_have_count(1)
    shot(page, screenshots, "collections-dark")


def test_a_run_and_a_task_lead_to_each_other(page: Page, pages_history: History) -> None:
    run = pages_history.handbook[-1]
    ours = inside(page, f"/c/{pages_history.ids['handbook']}/runs")
    ours.get_by_role("table").get_by_role("row").nth(1).get_by_role("link").first.click()
    page.wait_for_url(re.compile(rf"/dags/sync_handbook/runs/{re.escape(run.run_id[:18])}"))
    expect(page.locator("iframe")).to_have_count(0)
    page.goto(f"/dags/sync_handbook/runs/{run.run_id}/tasks/sync/details")
    address = page.get_by_role("link", name="xAI collections").get_attribute("href")
    assert address
    page.goto(address)
    expect(page.frame_locator("iframe").get_by_role("heading", name="handbook")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_role("row").filter(has_text="holidays.md")).to_be_visible()


def test_it_needs_no_wider_window_and_no_mouse(page: Page, pages_history: History) -> None:
    handbook = f"/c/{pages_history.ids['handbook']}"
    for path in ("/", "/failed", "/ask", handbook, f"{handbook}/runs", f"{handbook}/settings", f"{handbook}/ask"):
        page.goto(f"{OURS}{path}{query()}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    page.goto(f"{OURS}/{query()}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    in_table = page.get_by_role("table").get_by_role("link", name="handbook")
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if in_table.evaluate("link => link === document.activeElement"):
            break
    expect(in_table).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="handbook")).to_be_visible()


def test_very_many_collections_and_names_that_look_like_markup(
    page: Page, stack: Stack, tmp_path: Path, screenshots: Path
) -> None:
    with filled(stack, "xai_many", tmp_path, collections=COLLECTIONS, documents=0):
        began = time.monotonic()
        ours = inside(page, conn_id="xai_many")
        expect(ours.get_by_text(f"{COLLECTIONS} collections").first).to_be_visible()
        assert time.monotonic() - began < SOON_ENOUGH
        shot(page, screenshots, "many-collections")
        ours.get_by_role("link", name="Next page").click()
        ours.get_by_role("link", name=f"team-{COLLECTIONS_PER_PAGE + 1:03d}").click()
        expect(ours.get_by_text("No document is in this collection yet")).to_be_visible()
        page.goto(f"{OURS}/{query('xai_many')}&q=onerror")
        page.get_by_role("link", name=HOSTILE).first.click()
        expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
        expect(page.get_by_text(HOSTILE_DOCUMENT).first).to_be_visible()
        shot(page, screenshots, "hostile")
        assert HOSTILE in page.title()


def test_very_many_documents(page: Page, stack: Stack, tmp_path: Path, screenshots: Path) -> None:
    with filled(stack, "xai_full", tmp_path, collections=2, documents=DOCUMENTS):
        began = time.monotonic()
        ours = inside(page, "/c/collection_000", conn_id="xai_full")
        expect(ours.get_by_role("heading", name=MANY)).to_be_visible()
        assert time.monotonic() - began < SOON_ENOUGH
        newest = ours.get_by_role("row").filter(has_text=f"report-{DOCUMENTS - 1:06d}.md")

        def is_listed() -> bool:
            """Read again: the emulator takes its time to count so many by state, and the page does not wait for it."""
            ours.get_by_role("link", name="Read again").first.click()
            page.wait_for_load_state("networkidle")
            return bool(newest.count())

        until(is_listed, "the newest documents are listed")
        expect(ours.get_by_text(f"{DOCUMENTS:,}").first).to_be_visible()
        shot(page, screenshots, "many-documents")
        ours.get_by_role("link", name="Next page").click()
        expect(newest).to_have_count(0)
        expect(ours.get_by_role("main")).to_be_visible()


@pytest.mark.parametrize("fault", [{"status": 503}, {"delay": 60.0}], ids=["503", "hanging"])
def test_a_page_comes_while_xai_does_not_answer(
    page: Page, stack: Stack, pages_history: History, screenshots: Path, fault: dict[str, float]
) -> None:
    emulator = stack.emulators["xai_pages"]
    emulator.break_down({**fault, "path": "/v1/*"})
    try:
        began = time.monotonic()
        ours = inside(page)
        expect(ours.get_by_role("row").filter(has_text="handbook")).to_be_visible()
        assert time.monotonic() - began < SOON_ENOUGH
        expect(ours.get_by_role("main")).to_contain_text("not")
        shot(page, screenshots, f"fault-{'hanging' if 'delay' in fault else '503'}")
        ours.get_by_role("link", name="handbook").first.click()
        expect(ours.get_by_text("The documents are not known").first).to_be_visible()
    finally:
        emulator.break_down()


def log_in(page: Page, name: str) -> None:
    page.goto(f"{PATH}/auth/login/")
    page.get_by_label(re.compile("Username")).fill(name)
    page.get_by_label(re.compile("Password")).fill(f"{name}-password")
    page.get_by_role("button", name=re.compile("Sign in", re.IGNORECASE)).click()
    page.wait_for_url(lambda url: "/auth/login" not in url)


@pytest.mark.parametrize("name", USERS)
def test_users_see_what_airflow_lets_them(
    browser: Browser, second: str, pages_history: History, screenshots: Path, name: str
) -> None:
    with opened(browser, second) as page:
        log_in(page, name)
        page.goto(f"{PATH}{ENTRY}{PATH}{OURS}/{query()}")
        ours = page.frame_locator("iframe")
        row = ours.get_by_role("row").filter(has_text="handbook")
        sees_connection = name != "viewer"
        forbidden = ours.get_by_text("Airflow does not let you use it")
        expect(forbidden).to_have_count(0 if sees_connection else 1)
        expect(row.get_by_text("4 processed, 0 in progress, 0 failed")).to_have_count(int(sees_connection))
        shot(page, screenshots, f"as-{name}")
        style = ours.locator("body").evaluate("body => getComputedStyle(body).maxWidth")
        assert style != "none", "the style sheet is there"
        page.evaluate("document.documentElement.className = 'dark'")
        expect(ours.locator("html.dark")).to_have_count(1)
        row.get_by_role("link").last.click()
        page.wait_for_url(re.compile(f"{PATH}/dags/sync_handbook/runs/"))
