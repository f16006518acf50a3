"""Pages as they are shown below a prefix, and where their links lead."""

from __future__ import annotations

from airflow_provider_xai_collections.plugin.rendering import Page, render
from tests.plugin.reading import Element, read

BASE, AIRFLOW = "/prefix/xai-collections", "/prefix"


def shown(page: Page) -> Element:
    return read(render(page, BASE, AIRFLOW))


def addresses(document: Element) -> list[str]:
    """Return all addresses that lead out of a document, or are read for it."""
    names = ("href", "src", "action", "formaction", "data", "poster", "xlink:href", "srcset")
    found = [each[name] for each in document.elements for name in names if name in each.attributes]
    return [each for each in found if not each.startswith("#")]
