"""Questions: asked once, when somebody asks, and kept out of addresses."""

from __future__ import annotations

import ast

import pytest

from tests.operators.stage import Xai
from tests.plugin.site import Past, Site

SEARCHED = "search_documents"


@pytest.fixture
def whales(past: Past, xai: Xai) -> str:
    """A collection with two documents about whales, beside another one."""
    whales = xai.collection("whales")
    xai.document(whales, "moby.md", "Moby Dick is a white whale.")
    xai.document(whales, "orca.md", "An orca is no whale, <b>they</b> say.")
    xai.document(xai.collection("birds"), "gull.md", "A gull is no whale either.")
    xai.forget()
    return whales


def test_nothing_is_asked_before_somebody_asks(site: Site, xai: Xai, whales: str) -> None:
    view = site.get("/ask").view
    assert set(view.collections.values()) == {"whales", "birds"}
    assert (view.answer, view.error) == (None, "")
    assert xai.emulator.count(SEARCHED) == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_question_in_an_address_is_not_asked(site: Site, xai: Xai, whales: str, method: str) -> None:
    """Addresses are kept in logs and in histories, and others may send them."""
    shown = site.send(method, "/xai-collections/ask?query=whale", headers={"sec-fetch-site": "same-origin"}, data={})
    assert (shown.view.answer, shown.view.error) == (None, "")
    assert xai.emulator.count(SEARCHED) == 0


def test_the_answer_has_passages_with_the_words_of_the_question_marked(site: Site, xai: Xai, whales: str) -> None:
    answer = site.post("/ask", {"query": "white whale"}).view.answer
    assert len(answer.passages) == 3
    first = answer.passages[0]
    assert first.collection in ("whales", "birds")
    assert "".join(text for text, _ in first.parts)
    marked = {text for passage in answer.passages for text, is_word in passage.parts if is_word}
    assert "whale" in marked
    assert answer.expected is None
    assert answer.seconds > 0
    assert xai.emulator.count(SEARCHED) == 1


def test_what_was_chosen_is_what_xai_is_asked_for(site: Site, xai: Xai, whales: str) -> None:
    form = {"query": "whale", "collection_id": whales, "limit": "1", "mode": "keyword", "filter": 'year = "1851"'}
    site.post("/ask", form)
    (body,) = xai.bodies(SEARCHED)
    assert body["source"]["collection_ids"] == [whales]
    assert (body["limit"], body["retrieval_mode"]["type"], body["filter"]) == (1, "keyword", 'year = "1851"')


def test_on_the_page_of_a_collection_that_one_alone_is_asked(site: Site, xai: Xai, whales: str) -> None:
    shown = site.post(f"/c/{whales}/ask", {"query": "whale"})
    assert {passage.collection for passage in shown.view.answer.passages} == {"whales"}
    assert shown.view.collection.name == "whales"


@pytest.mark.parametrize(("expect", "is_found"), [("orca", True), ("ORCA.md", True), ("gull", False)])
def test_an_expected_document_is_found_or_said_not_to_be(
    site: Site, xai: Xai, whales: str, expect: str, is_found: bool
) -> None:
    ids = {document.name: document.file_id for document in xai.documents(whales)}
    wanted = ids.get(f"{expect.lower().removesuffix('.md')}.md", expect)
    answer = site.post(f"/c/{whales}/ask", {"query": "whale", "expect": wanted}).view.answer
    assert (answer.expected > 0) == is_found
    assert [number for number, each in enumerate(answer.passages, 1) if each.is_expected][:1] == (
        [answer.expected] if is_found else []
    )
    assert bool(answer.check) == is_found
    if is_found:
        assert wanted in ast.unparse(ast.parse(answer.check)), "it can be pasted into a Dag"


def test_a_question_with_quotes_makes_a_check_that_can_be_pasted(site: Site, xai: Xai, whales: str) -> None:
    question = 'whale"""\n), __import__("os") #'
    (first, *_) = site.post("/ask", {"query": question, "expect": "file"}).view.answer.passages
    assert first
    check = site.post("/ask", {"query": question, "expect": "file"}).view.answer.check
    (statement,) = ast.parse(check).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert {each.arg: ast.literal_eval(each.value) for each in statement.value.keywords}["query"] == question


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"query": "  "}, "Type a question"),
        ({"query": "x" * 2_001}, "2,001 characters"),
        ({"query": "whale", "collection_id": "collection_nobodys"}, "no such collection"),
        ({"query": "whale", "filter": "year ="}, "400"),
    ],
)
def test_why_there_is_no_answer_is_said(site: Site, xai: Xai, whales: str, form: dict[str, str], error: str) -> None:
    shown = site.post("/ask", form)
    assert (shown.status, shown.view.answer) == (200, None)
    assert error in shown.view.error


def test_without_any_collection_there_is_nothing_to_ask(site: Site, past: Past, xai: Xai) -> None:
    assert "no collection" in site.post("/ask", {"query": "whale"}).view.error
    assert xai.emulator.count(SEARCHED) == 0


def test_the_check_asks_as_it_was_asked(site: Site, whales: str) -> None:
    form = {"query": "white", "expect": "moby", "collection_id": whales, "mode": "keyword", "limit": "3"}
    plain, chosen = (site.post("/ask", form | more).view.answer.check for more in ({"mode": ""}, {}))
    arguments = {each.arg: ast.literal_eval(each.value) for each in ast.parse(chosen).body[0].value.keywords}
    assert (arguments["retrieval_mode"], arguments["limit"]) == ({"type": "keyword"}, 3)
    assert "retrieval_mode" not in plain
