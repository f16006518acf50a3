"""Pruning: refused as a whole, or put off for single documents, rather than remove what is still needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.plan import Plan, may_be_pruned, prune_refusal
from tests.sync.sides import a_document, an_item, planned

A, B, C = (f"file:///docs/{name}.md" for name in "abc")


OPEN = (Outcome.ERROR, Outcome.FAILED, Outcome.UNTRIED, Outcome.IN_PROGRESS)


def refusal(plan: Plan, *, approved: int = 0, **options: Any) -> str:
    return prune_refusal(plan, SyncOptions(scope="s", prune=True, **options), root="file:///docs", approved=approved)


def of_four(missing: int) -> Plan:
    documents = [a_document(str(number), uri=f"file:///docs/{number}") for number in range(4)]
    return planned([an_item(f"file:///docs/{number}") for number in range(missing, 4)], documents)


def test_a_plan_that_removes_nothing_is_never_refused() -> None:
    assert refusal(of_four(0), max_prune=0) == refusal(planned([]), max_prune=0) == ""


@pytest.mark.parametrize(
    ("missing", "max_prune", "is_refused"),
    [(1, 0.25, False), (2, 0.25, True), (2, 2, False), (3, 2, True), (3, None, False), (1, 0, True), (3, 1.0, False)],
)
def test_more_than_max_prune_is_refused(missing: int, max_prune: float | None, is_refused: bool) -> None:
    told = refusal(of_four(missing), max_prune=max_prune)
    assert bool(told) is is_refused
    if is_refused:
        assert f"{missing} of 4 documents missing" in told
        assert "raise max_prune" in told


def test_what_was_approved_when_the_run_began_is_not_refused_later() -> None:
    assert refusal(of_four(2), max_prune=0, approved=2) == ""
    assert refusal(of_four(3), max_prune=0, approved=2)


def test_an_empty_source_is_refused_whatever_was_approved() -> None:
    assert "is empty" in refusal(of_four(4), max_prune=None, approved=4)


def test_documents_from_elsewhere_in_the_scope_are_a_reason_to_refuse() -> None:
    plan = planned([an_item()], [a_document("g", uri="s3://bucket/b.md")])
    assert "from elsewhere than file:///docs" in refusal(plan)


def pruned(item: SourceItem, outcome: Outcome | None, now: list[SourceItem] | None = None) -> list[str]:
    """Prune ``b.md`` and ``c.md`` of 3 and 5 bytes, while the source has this document alone."""
    plan = planned([item], [a_document("b", uri=B, size=3), a_document("c", uri=C, size=5)])
    done = [Row(plan.rows[0].action, item.uri, item, outcome=outcome)]
    return sorted(may_be_pruned(plan, done, [item] if now is None else now))


@pytest.mark.parametrize(
    ("here", "outcome", "go"),
    [
        pytest.param(an_item(A), Outcome.PROCESSED, [B, C], id="all is processed"),
        *((an_item(A, size=3), outcome, [C]) for outcome in (None, *OPEN)),
        *((an_item(A, size=4), outcome, [B, C]) for outcome in (None, *OPEN)),
        pytest.param(an_item("file:///docs/deep/b.md", size=4), Outcome.ERROR, [C], id="of the same file name"),
        pytest.param(an_item(A, size=0), Outcome.ERROR, [], id="of unknown size"),
        pytest.param(an_item(A, size=3, unfit="it is an image"), Outcome.SKIPPED, [B, C], id="what xAI does not take"),
    ],
)
def test_a_missing_document_stays_while_one_that_is_not_processed_may_be_the_same(
    here: SourceItem, outcome: Outcome | None, go: list[str]
) -> None:
    assert pruned(here, outcome) == go


def test_a_document_that_xai_rejects_is_no_missing_one_under_a_new_name() -> None:
    item = an_item(A, size=3)
    plan = planned([item], [a_document("b", uri=B, size=3)])
    row = Row(Action.REJECTED, A, item, "hash of a", outcome=Outcome.FAILED)
    assert sorted(may_be_pruned(plan, [row], [item])) == [B]
    assert not may_be_pruned(plan, [replace(row, action=Action.ADD)], [item])
    same = plan.missing[B][0].content_hash
    assert not may_be_pruned(plan, [replace(row, content_hash=same)], [item]), "only the missing one can be found"


def test_a_document_that_has_changed_since_it_was_placed_may_be_the_missing_one() -> None:
    item = an_item(A, size=3, fingerprint="3-mtime:1")
    plan = planned([item], [a_document("b", uri=B, size=3)])
    for action, outcome in (
        (Action.KEEP, Outcome.PROCESSED),
        (Action.SKIP, Outcome.SKIPPED),
        (Action.REJECTED, Outcome.FAILED),
    ):
        row = Row(action, A, item, outcome=outcome)
        assert sorted(may_be_pruned(plan, [row], [item])) == [B]
        assert not may_be_pruned(plan, [row], [replace(item, fingerprint="3-mtime:2")])


def test_the_source_as_it_is_now_decides() -> None:
    here = (an_item(A), Outcome.PROCESSED)
    assert pruned(*here, now=[an_item(A), an_item(B)]) == [C]
    assert pruned(*here, now=[an_item(A), an_item(B, unfit="it is empty")]) == [C]
    assert pruned(*here, now=[an_item(A), an_item("file:///docs/new.md", size=5)]) == [B]
    assert pruned(*here, now=[an_item(A), an_item("file:///docs", fingerprint=None, unfit="unseen")]) == []
