"""Chromium as users have it, and what a page says when something is wrong with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

#: Set to anything, it lets a machine without a browser pass.
NO_BROWSER = "SYSTEM_TESTS_WITHOUT_BROWSER"
#: No sandbox: it does not start under root. And it shall talk to Airflow, and to nobody else.
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
#: Milliseconds until something is to be seen, on a machine that is busy with everything else.
SOON = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without one, the test is skipped where that is allowed."""
    program = shutil.which("chromium")
    if not program and os.environ.get(NO_BROWSER):
        pytest.skip(f"no chromium on this machine, and {NO_BROWSER} is set")
    assert program, f"no chromium on this machine: apt-get install chromium; or set {NO_BROWSER}=1 to do without"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        expect.set_options(timeout=SOON)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open an empty page of a user who has just come.

    :param url: of Airflow.
    :param options: of the browser's context, such as ``color_scheme``.
    """
    settings = {"viewport": {"width": 1280, "height": 1100}, "locale": "en-US", **options}
    context = browser.new_context(base_url=url, **settings)
    context.set_default_timeout(SOON)
    try:
        yield context.new_page()
    finally:
        context.close()


class Console:
    """Everything that a page complained about: errors of its console, exceptions, failed requests for its files."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_message(self, message: ConsoleMessage) -> None:
        # Airflow's own page has warnings of its own.
        where = message.location.get("url", "")
        if message.type == "error" and "xai-collections" in f"{where} {message.text}":
            self.errors.append(f"{message.text} ({where})")
