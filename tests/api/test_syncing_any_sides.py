"""Plans of any two sides, applied as if all went well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.sync_plan import HeldDocument, HeldState, SourceEntry, SyncAction, SyncPlan
from tests.api.sides import LATELY, LONG_AGO, NEW, OLD, an_entry, held, planned, year

URIS = [f"file:///{letter}" for letter in "abcd"]
METADATA = [year("2023"), year("2024")]

ENTRIES = st.lists(
    st.builds(
        an_entry,
        st.sampled_from(URIS[:3]),
        fingerprint=st.sampled_from([NEW, None]),
        unfit=st.sampled_from(["", "", "", "it is empty"]),
    ),
    max_size=4,
    unique_by=lambda entry: entry.uri,
)


@st.composite
def some_documents(draw: st.DrawFn) -> list[HeldDocument]:
    """Documents in any state, of any version, doubles and strangers among them."""
    documents = []
    for number in range(draw(st.integers(0, 9))):
        content_hash = draw(st.sampled_from([NEW, NEW, OLD, "older", ""]))
        documents.append(
            held(
                f"f{number}",
                content_hash,
                draw(st.sampled_from(list(HeldState))),
                uri=draw(st.sampled_from([*URIS, *URIS, "s3://b/a", ""])),
                fingerprint=draw(st.sampled_from([content_hash, content_hash, ""])),
                created_at=draw(st.sampled_from([None, LONG_AGO, LATELY])),
                metadata=draw(st.sampled_from(METADATA)),
            )
        )
    return documents


WISHES: Any = st.fixed_dictionaries(
    {
        "prune": st.booleans(),
        "verify": st.booleans(),
        "metadata": st.sampled_from([None, lambda entry, content_hash: METADATA[1]]),
        "owns": st.just(lambda uri: uri.startswith("file:")),
    }
)


def applied(plan: SyncPlan, documents: Sequence[HeldDocument]) -> list[HeldDocument]:
    """The collection after the plan, if all goes well."""
    there = {document.file_id: document for document in documents}
    for step in plan.steps:
        for file_id in step.broken:
            del there[file_id]
        if step.action.uploads:
            assert step.entry is not None
            fresh = held(f"of {step.uri}", uri=step.uri, fingerprint=step.entry.fingerprint or "", metadata=METADATA[1])
            there[fresh.file_id] = fresh
        elif step.file_id:
            there[step.file_id] = replace(there[step.file_id], state=HeldState.PROCESSED)
        for file_id in step.stale:
            del there[file_id]
    return list(there.values())


def is_ours(document: HeldDocument) -> bool:
    return document.uri.startswith("file:") and bool(document.content_hash)


@given(ENTRIES, some_documents(), WISHES)
def test_applying_a_plan_yields_the_source(
    entries: list[SourceEntry], documents: list[HeldDocument], wishes: dict[str, Any]
) -> None:
    after = applied(planned(entries, documents, **wishes), documents)
    wanted = {entry.uri for entry in entries if not entry.unfit}
    skipped = {entry.uri for entry in entries if entry.unfit}
    for uri in wanted:
        (document,) = (each for each in after if is_ours(each) and each.uri == uri)
        assert (document.content_hash, document.state) == (NEW, HeldState.PROCESSED)
        assert wishes["metadata"] is None or document.metadata == METADATA[1]
    untouched = [each for each in documents if not is_ours(each) or each.uri in skipped]
    if wishes["prune"]:
        assert {each.uri for each in after if is_ours(each)} <= wanted | skipped
    else:
        untouched += [each for each in documents if is_ours(each) and each.uri not in wanted | skipped]
    assert all(each in after for each in untouched)


@given(ENTRIES, some_documents(), WISHES)
def test_once_a_plan_is_done_there_is_nothing_left_to_do(
    entries: list[SourceEntry], documents: list[HeldDocument], wishes: dict[str, Any]
) -> None:
    again = planned(entries, applied(planned(entries, documents, **wishes), documents), **wishes)
    assert {step.action for step in again.steps} <= {SyncAction.KEEP, SyncAction.SKIP}
    assert (again.to_do, again.requests(each_upload=2, each_removal=2)) == (0, 0)


@given(ENTRIES, some_documents(), WISHES)
def test_no_step_takes_away_what_is_searched_before_something_is_in_its_place(
    entries: list[SourceEntry], documents: list[HeldDocument], wishes: dict[str, Any]
) -> None:
    plan = planned(entries, documents, **wishes)
    state = {document.file_id: document.state for document in documents}
    for step in plan.steps:
        assert HeldState.PROCESSED not in {state[file_id] for file_id in step.broken}
        assert step.file_id not in step.stale
    touched = [file_id for step in plan.steps for file_id in (step.file_id, *step.broken, *step.stale) if file_id]
    assert len(touched) == len(set(touched))


@given(ENTRIES, some_documents(), WISHES, st.randoms(use_true_random=False))
def test_a_plan_depends_on_what_is_there_not_on_its_order(
    entries: list[SourceEntry], documents: list[HeldDocument], wishes: dict[str, Any], random: Any
) -> None:
    plan = planned(entries, documents, **wishes)
    again = planned(entries, random.sample(documents, len(documents)), **wishes)
    as_sets = [[replace(step, broken=(), stale=(), reason="") for step in each.steps] for each in (plan, again)]
    assert as_sets[0] == as_sets[1]
    for step, same in zip(plan.steps, again.steps, strict=True):
        assert (set(step.broken), set(step.stale)) == (set(same.broken), set(same.stale))
    assert sorted(plan.foreign) == sorted(again.foreign)


def test_what_may_be_behind_a_link_that_leads_nowhere_today_is_not_taken_for_gone() -> None:
    link = an_entry("file:///shelf", fingerprint=None)
    documents = [held("f1", uri="file:///shelf/a"), held("f2", uri="file:///shelves/b"), held("f3", uri="file:///c")]
    plan = planned([link], documents, prune=True)
    assert [step.uri for step in plan.steps if step.action is SyncAction.REMOVE] == ["file:///c", "file:///shelves/b"]
