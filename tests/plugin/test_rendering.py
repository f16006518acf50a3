"""All pages: they can be read, lead nowhere else, and no text breaks them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from airflow_provider_xai_collections import plugin
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.plugin.rendering import Page, render
from tests.plugin import samples
from tests.plugin.reading import read
from tests.plugin.showing import AIRFLOW, BASE, addresses, shown

ROOM = Path(plugin.__file__).parent

all_pages = pytest.mark.parametrize("page", samples.PAGES.values(), ids=samples.PAGES.keys())
hostile_pages = pytest.mark.parametrize(
    "page", [page for name, page in samples.PAGES.items() if "hostile" in name], ids=lambda page: type(page).__name__
)


@all_pages
def test_a_page_has_one_first_heading_and_no_level_is_left_out(page: Page) -> None:
    document = shown(page)
    levels = [int(each.tag[1]) for each in document.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(each.text for each in document.all("h1", "h2", "h3"))
    assert document.one("head").one("title").text.endswith(" · xAI Collections")
    assert document.one("html")["lang"] == "en"


@all_pages
def test_each_field_has_a_label_each_table_a_caption_and_each_cell_its_head(page: Page) -> None:
    document = shown(page)
    in_labels = [(label, each) for label in document.all("label") for each in label.all("input", "select")]
    assert all(label.text for label, _ in in_labels)
    labelled = {id(each) for _, each in in_labels}
    fields = [each for each in document.all("input", "select", "textarea") if each.get("type") != "hidden"]
    assert [each.attributes for each in fields if id(each) not in labelled] == []
    for table in document.all("table"):
        assert table.one("caption").text
        assert {each.get("scope") for each in table.all("th")} <= {"col", "row", "colgroup", "rowgroup"}
        widths = {sum(int(cell.get("colspan") or 1) for cell in row.all("td", "th")) for row in table.all("tr")}
        assert len(widths - {max(widths)}) <= 1, "a head of two rows may be narrower in its second"
    assert all(each.text or each.get("aria-label") for each in document.all("a", "button"))
    assert document.all("a")[0]["href"] == "#main"


@all_pages
def test_all_that_is_pointed_at_is_there_once(page: Page) -> None:
    document = shown(page)
    ids = [each["id"] for each in document.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    pointed = [each["href"][1:] for each in document.all("a", "use") if each.get("href").startswith("#")]
    pointed += [name for each in document.elements for name in each.get("aria-labelledby").split()]
    assert [name for name in pointed if name not in ids] == []


@all_pages
def test_no_address_leads_anywhere_but_to_the_app_and_to_airflow(page: Page) -> None:
    document = shown(page)
    assert [each for each in addresses(document) if not each.startswith((f"{BASE}/", f"{AIRFLOW}/"))] == []
    assert [
        each["href"] for each in document.all("a") if "data-top" in each.attributes and f"{BASE}/" in each["href"]
    ] == []
    ours = [each["href"] for each in document.all("a") if "data-top" not in each.attributes]
    assert [each for each in ours if not each.startswith((f"{BASE}/", "#"))] == []


@all_pages
def test_nothing_stands_in_the_page_that_its_policy_forbids(page: Page) -> None:
    document = shown(page)
    (script,) = document.all("script")
    assert script["src"] == f"{BASE}/static/theme.js"
    assert script.text == ""
    assert document.all("style", "iframe", "object", "img", "base") == []
    names = {name for each in document.elements for name in each.attributes}
    assert [name for name in names if name == "style" or name.startswith("on")] == []
    assert {each["href"] for each in document.all("link")} == {
        f"{BASE}/static/{name}" for name in ("style.css", "icon.svg")
    }


@all_pages
def test_links_and_forms_keep_a_connection_that_is_not_the_default(page: Page) -> None:
    other = replace(page, look=replace(page.look, conn_id="xai eu", connections=("xai eu", DEFAULT_CONN_ID)))
    document = shown(other)
    links = [each["href"] for each in document.all("a") if "data-top" not in each.attributes]
    assert [each for each in links if not each.startswith("#") and "conn=xai+eu" not in each] == []
    for form in document.all("form"):
        (field,) = form.all("select", "input", name="conn")
        values = [each["value"] for each in field.all("option") if "selected" in each.attributes]
        assert values == ["xai eu"] or field["value"] == "xai eu"


@all_pages
def test_the_default_connection_is_not_said_in_addresses(page: Page) -> None:
    default = replace(page, look=replace(page.look, conn_id=DEFAULT_CONN_ID, connections=(DEFAULT_CONN_ID,)))
    document = shown(default)
    assert [each for each in addresses(document) if "conn=" in each] == []
    assert document.all("input", "select", name="conn") == []


@all_pages
def test_words(page: Page) -> None:
    text = shown(page).one("body").text
    assert re.findall(r"\bDAGs?\b|\bplease\b|\boops\b|\berrors?\b|\bNone\b|\bUndefined\b", text) == []
    assert re.findall(r"\b1 (?:documents|collections|runs|reasons|passages)\b", text) == []
    if "hostile" not in text:
        assert re.findall(r"\$\d[\d.,]*", re.sub(r"(?:about|under) \$[\d.,]+", "", text)) in (
            [],
            ["$0"],
            ["$0"] * 3,
            ["$0"] * 4,
        )
    assert "UTC" in text


@hostile_pages
def test_hostile_texts_are_clipped_and_harmless(page: Page) -> None:
    html = render(page, BASE, AIRFLOW)
    assert len(html) < 120_000
    text = read(html).one("body").text
    assert "<script>alert(1)</script>" in text, "it is shown as it is"
    assert "{{ 7 * 7 }}" not in html or "49" not in text
    assert [character for character in text if not character.isprintable()] == []
    assert max(len(word) for word in text.split()) < 6_000


def test_the_style_sheet_has_what_the_templates_use_and_no_more() -> None:
    sheet = re.sub(r"/\*.*?\*/", "", (ROOM / "static/style.css").read_text(), flags=re.DOTALL)
    styled = set(re.findall(r"\.([a-z][a-z-]*)(?=[\s.,:>+{\[)])", sheet))
    used = {name for page in samples.PAGES.values() for each in shown(page).elements for name in each.classes}
    assert styled - used == {"light", "dark"}, "which the script sets"
    bare = {"doc", "c-band"}
    assert used - styled - bare == set()


def test_a_page_reads_the_same_below_no_prefix() -> None:
    document = read(render(samples.COLLECTIONS, "/xai-collections/", ""))
    assert "/xai-collections/c/collection_1" in addresses(document)
    assert "/dags/sync_tickets/runs/scheduled__1/tasks/sync" in addresses(document)


def test_the_connection_is_chosen_only_where_there_are_several() -> None:
    assert shown(samples.START).all("select", name="conn") == []
    several = replace(samples.DOCUMENTS, look=replace(samples.LOOK, connections=(DEFAULT_CONN_ID, "xai_eu")))
    document = shown(several)
    (form,) = (each for each in document.all("form") if each.all("select", name="conn"))
    assert form["action"] == f"{BASE}/", "another connection has other collections"
    assert [each.text for each in form.all("option")] == [DEFAULT_CONN_ID, "xai_eu"]
