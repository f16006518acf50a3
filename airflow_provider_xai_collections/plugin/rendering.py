"""Pages as HTML: what a page's class is decides the template."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined

from airflow_provider_xai_collections.plugin import wording
from airflow_provider_xai_collections.plugin.addresses import Addresses
from airflow_provider_xai_collections.plugin.charts import bar, sparkline
from airflow_provider_xai_collections.plugin.options import alike, collections_with_failed
from airflow_provider_xai_collections.plugin.runs_chart import runs_chart
from airflow_provider_xai_collections.plugin.views import (
    AskPage,
    CollectionsPage,
    DocumentsPage,
    FailedPage,
    RunsPage,
    SettingsPage,
    StartPage,
)
from airflow_provider_xai_collections.text import printable

Page: TypeAlias = CollectionsPage | DocumentsPage | RunsPage | SettingsPage | FailedPage | AskPage | StartPage

_TEMPLATES: dict[type[Page], str] = {
    CollectionsPage: "collections.html",
    DocumentsPage: "documents.html",
    RunsPage: "runs.html",
    SettingsPage: "settings.html",
    FailedPage: "failed.html",
    AskPage: "ask.html",
    StartPage: "start.html",
}

_FILTERS: tuple[Callable[..., object], ...] = (
    alike,
    collections_with_failed,
    printable,
    wording.ago,
    wording.amount,
    wording.duration,
    wording.machine_time,
    wording.moment,
    wording.money,
    wording.number,
    wording.readable,
    wording.roughly,
    wording.signed,
    wording.size,
    wording.usual,
    wording.utc,
)


def render(page: Page, base: str, airflow: str) -> str:
    """Return a page as HTML.

    :param base: path of our app, such as ``/xai-collections`` or ``/prefix/xai-collections``.
    :param airflow: path of Airflow's base URL: nothing, or such as ``/prefix``.
    """
    to = Addresses(base, airflow, page.look.conn_id)
    return _environment().get_template(_TEMPLATES[type(page)]).render(page=page, to=to, now=page.look.at)


@cache
def _environment() -> Environment:
    package = __name__.partition(".")[0]
    environment = Environment(
        loader=PackageLoader(package, "plugin/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update({each.__name__: each for each in _FILTERS})
    environment.globals.update(bar=bar, sparkline=sparkline, runs_chart=runs_chart)
    return environment
