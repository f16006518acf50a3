"""The geometry of the charts: what is drawn where, so that nothing lies and nothing overlaps."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from airflow_provider_xai_collections.plugin.charts import Box, bar, sparkline
from airflow_provider_xai_collections.plugin.runs_chart import Column, RunsChart, runs_chart
from airflow_provider_xai_collections.plugin.views import Counts, Run, States
from tests.plugin.samples import FAILED_RUN, NOW, RUNNING, run

# --- The bar of states


@pytest.mark.parametrize(
    "states", [States(99_980, 6, 14), States(0, 0, 3), States(1, 1, 1), States(5, 100_000, 1), States(1, 0, 0)]
)
def test_each_state_of_a_bar_is_seen_and_together_they_fill_it(states: States) -> None:
    boxes = bar(states)
    assert len(boxes) == sum(count > 0 for count in (states.processed, states.in_progress, states.failed))
    assert all(box.width >= 4 for box in boxes)
    assert boxes[0].x == 0
    assert boxes[-1].x + boxes[-1].width == pytest.approx(120, abs=0.2)
    assert all(after.x == pytest.approx(before.x + before.width + 1, abs=0.2) for before, after in pairwise(boxes))


def test_the_states_of_a_bar_differ_in_height_too_and_failed_is_the_tallest() -> None:
    assert [(box.kind, box.height) for box in bar(States(10, 10, 10))] == [("ok", 4), ("run", 7), ("failed", 10)]
    assert {box.y + box.height / 2 for box in bar(States(10, 10, 10))} == {5}, "on one line"


def test_no_documents_have_no_bar() -> None:
    assert bar(States(0, 0, 0)) == ()


# --- The sparkline


def test_a_line_goes_up_where_documents_are_more_and_ends_at_its_dot() -> None:
    line = sparkline([10, 20, 15])
    assert line is not None
    start, *heights = [float(y) for y in re.findall(r"[ V]([\d.]+)", line.path)]
    assert heights[0] < heights[1] < start, "a smaller y is higher"
    assert line.path.endswith(f"H{line.x}V{line.y}")


def test_a_line_of_nothing_new_is_flat_and_a_small_change_stays_small() -> None:
    flat, small, large = sparkline([500, 500]), sparkline([1000, 1001]), sparkline([1000, 2000])
    assert flat is not None
    assert small is not None
    assert large is not None
    assert flat.path == "M2.0 10.0H68.0V10.0"
    assert large.y < small.y < 10.0
    assert 10.0 - small.y < 1


@pytest.mark.parametrize("values", [(), (5,)])
def test_one_number_is_no_line(values: tuple[int, ...]) -> None:
    assert sparkline(values) is None


# --- The chart of runs


def chart(*newest_first: Run) -> RunsChart:
    return runs_chart(newest_first, NOW)


def boxes(column: Column) -> dict[str, Box]:
    return {box.kind: box for box in column.boxes}


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def changed(days: int, *counts: int) -> Run:
    return run(days, counts=Counts(*counts))


def test_runs_stand_from_the_oldest_and_all_on_one_scale_above_and_below() -> None:
    drawn = chart(changed(0, 400, 100, 100, 3), changed(1, 200))
    old, new = drawn.columns
    assert old.middle < new.middle
    parts = boxes(new)
    assert parts["added"].height == pytest.approx(2 * boxes(old)["added"].height, rel=0.01)
    assert parts["added"].height == pytest.approx(4 * parts["replaced"].height, rel=0.01)
    assert parts["removed"].height == pytest.approx(parts["replaced"].height, rel=0.01)
    assert parts["removed"].y > drawn.axis > parts["added"].y > parts["replaced"].y > parts["failed"].y
    assert [(label.text, label.kind) for label in new.labels] == [("3", "fail")]
    assert new.labels[0].y < parts["failed"].y, "its number is above it"


def test_a_single_document_is_seen_beside_thousands() -> None:
    last = chart(*(changed(days, 3000) for days in range(5)), changed(5, 1, 1, 1, 1)).columns[0]
    assert set(boxes(last)) == {"added", "replaced", "failed", "removed"}
    assert all(box.height >= 2 for box in last.boxes)


def test_an_outlier_is_cut_and_has_its_number_above() -> None:
    drawn = chart(*(changed(days, 300 + days) for days in range(10)), changed(10, 4_812, 10))
    outlier, *others = drawn.columns
    assert outlier.cut
    assert [(label.text, label.kind) for label in outlier.labels] == [("4,822", "cap")]
    assert not any(column.cut for column in others)
    assert min(box.height for column in others for box in column.boxes) > 60, "the others can be compared"
    assert all(label.y > 0 for label in outlier.labels)


def test_much_removed_at_once_is_cut_too_with_its_number_below() -> None:
    last = chart(*(changed(days, 10, 0, 10) for days in range(10)), changed(10, 10, 0, 90_000)).columns[0]
    (label,) = last.labels
    assert label.text == "90,000"
    assert label.y > boxes(last)["removed"].y + boxes(last)["removed"].height


def test_a_run_that_failed_did_nothing_or_said_nothing_is_not_drawn_as_one_that_changed_something() -> None:
    drawn = chart(RUNNING, FAILED_RUN, run(2, counts=Counts()), run(3, counts=None))
    unknown, nothing, failed, running = drawn.columns
    assert [each.kind for each in drawn.columns] == ["unknown", "nothing", "failed", "running"]
    assert [[label.text for label in each.labels] for each in drawn.columns] == [["?"], [], ["✕"], ["…"]]
    assert [each.band.kind for each in drawn.columns] == ["band", "band", "void", "band"]
    assert all(each.boxes == () for each in drawn.columns)
    assert plain(unknown.title) == "23 Nov 03:42: what it changed is not known; 99,700 documents after it"
    assert plain(nothing.title) == "24 Nov 03:42: nothing to do; 99,800 documents after it"
    assert plain(failed.title) == "25 Nov 03:42: the run failed"
    assert plain(running.title) == "26 Nov 03:42: still running"


def test_a_run_that_failed_halfway_shows_what_it_changed() -> None:
    (column,) = chart(run(state="failed", counts=Counts(5, failed=2))).columns
    assert column.band.kind == "void"
    assert set(boxes(column)) == {"added", "failed"}
    assert [label.text for label in column.labels] == ["2", "✕"]
    assert column.labels[0].y - column.labels[1].y >= 12, "not on top of each other"


def test_the_line_of_documents_has_a_gap_where_their_number_is_not_known() -> None:
    drawn = chart(run(0), run(1), run(2, documents=None), run(3))
    assert drawn.growth.count("M") == 2
    assert drawn.growth.count("V") == 1
    assert chart(run(documents=None)).growth == ""


@pytest.mark.parametrize("documents", [0, 1, 318, 100_000])
def test_the_line_of_one_number_of_documents_stays_between_its_own_grid(documents: int) -> None:
    drawn = chart(*(run(days, documents=documents) for days in range(3)))
    heights = [float(y) for y in re.findall(r"[ V]([\d.]+)", drawn.growth)]
    grid = [label for label in drawn.labels if label.anchor == "end" and label.y > 290]
    numbers = [int(label.text.replace(",", "")) for label in grid]
    assert min(numbers) <= documents <= max(numbers)
    assert all(302 <= y <= 374 for y in heights)
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30, 100])
@pytest.mark.parametrize("apart", [timedelta(minutes=5), timedelta(hours=6), timedelta(days=1)])
def test_all_is_within_the_picture_and_no_text_runs_into_another(count: int, apart: timedelta) -> None:
    runs = [
        run(started=NOW - apart * place, counts=Counts(place * 37 % 500 + 1, 3, place * 7 % 90, place % 3 * 12))
        for place in range(count)
    ]
    runs[-1] = replace(runs[-1], counts=Counts(1_234_567, 0, 0, 7))
    drawn = chart(*runs)
    assert all(drawn.left <= box.x and box.x + box.width <= drawn.right for each in drawn.columns for box in each.boxes)
    assert all(box.y > 0 and box.y + box.height < 290 for each in drawn.columns for box in each.boxes)
    texts = [*drawn.labels, *(label for each in drawn.columns for label in each.labels)]
    spans: dict[float, list[tuple[float, float]]] = {}
    for label in texts:
        width = 6.2 * len(label.text)
        left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
        assert left >= -1
        assert left + width <= drawn.width
        assert 8 < label.y < drawn.height
        spans.setdefault(label.y, []).append((left, left + width))
    for several in spans.values():
        assert all(after[0] >= before[1] for before, after in pairwise(sorted(several)))


def test_days_have_times_where_a_day_has_several_runs() -> None:
    often = chart(*(run(started=NOW - timedelta(hours=6 * place)) for place in range(6)))
    daily = chart(*(run(days) for days in range(6)))
    assert plain(often.labels[-1].text) == "25 Nov 13:42"
    assert plain(daily.labels[-1].text) == "21 Nov"


def test_no_runs_and_no_changes_are_a_chart_still() -> None:
    assert chart().columns == ()
    assert "0 runs: 0 added" in chart().summary
    assert (
        chart(run(started=None, counts=Counts(), documents=None)).columns[0].title == "Start not known: nothing to do"
    )


def test_numbers_that_would_run_into_each_other_are_left_out_but_stay_in_the_titles() -> None:
    drawn = chart(*(changed(days, 100, 0, 0, 1_234) for days in range(100)))
    labels = [label for each in drawn.columns for label in each.labels]
    assert 20 < len(labels) < 60
    assert all(after.x - before.x >= 6.2 * len("1,234") for before, after in pairwise(labels))
    assert all("1,234 failed" in each.title for each in drawn.columns)
