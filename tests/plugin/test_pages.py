"""Each page, as people read it."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_xai_collections.plugin.rendering import Page
from airflow_provider_xai_collections.plugin.views import FormValues, States
from tests.plugin import samples
from tests.plugin.showing import AIRFLOW, BASE, addresses, shown

#: Where there is nothing to say.
DASH = "\N{EN DASH}"


# --- Collections


def rows(page: Page) -> list[list[str]]:
    return shown(page).one("table").rows


def test_the_first_page_says_first_what_needs_somebody() -> None:
    document = shown(samples.COLLECTIONS)
    assert document.one("h1").text == "1 of 3 collections needs a look"
    first, second = document.one("ul", class_="todo").all("li")
    assert (
        first.text
        == f"14 failed support-tickets: most often in its last run (9): {samples.REASON} What to do (support-tickets)"
    )
    assert first.all("a")[1]["href"] == f"{BASE}/failed?c=collection_1"
    assert second.text == "14 failed support-tickets: its last run failed. See the task (support-tickets)"
    assert second.all("a")[1].attributes == {"href": f"{AIRFLOW}{samples.FAILED_RUN.path}", "data-top": ""}
    facts = document.one("dl").text
    assert facts == (
        "Documents 100,000 +400 in the runs shown Failed documents 14 searches do not find them "
        "Size 31.4 GiB about $119.32 a month Last 24 hours 351 added 77 replaced, 13 removed, 2 failed"
    )


def test_a_collection_is_a_row() -> None:
    failed, running, empty = rows(samples.COLLECTIONS)
    assert failed == [
        "support-tickets s3://support-export/tickets",
        "14 failed",
        "100,000 99,980 processed, 6 in progress, 14 failed",
        "14 failed documents of support-tickets",
        "31.4 GiB about $119.32",
        "+400",
        "26 Nov 03:42 4 h ago",
        "312",
        "41",
        "6",
    ]
    assert running[1] == "14 failed 61%, about 7 min left"
    assert running[-1] == "not known yet"
    assert empty == ["scratch no source known", "Not known", "0", "0", "0", DASH, "no run known"]
    bar = shown(samples.COLLECTIONS).all("progress")[0]
    assert (bar["value"], bar["max"]) == ("61", "100")


def test_unknown_is_not_zero() -> None:
    page = samples.PAGES["collections, gaps"]
    unknown, known_by_runs = rows(page)
    assert unknown[2:5] == ["not known"] * 3
    assert known_by_runs[2:5] == ["100,000 at a run", "not known", "not known"]
    text = shown(page).one("main").text
    assert "xAI does not answer. No answer within 5 s. Run xai-collections doctor on the api-server. Read again" in text
    assert "Runs are not shown. You may not read assets." in text
    assert (
        "Documents not known Failed documents not known Size not known Last 24 hours no change as far as is known"
        in text
    )


def test_more_failed_documents_than_were_counted_are_said_so() -> None:
    many = replace(samples.TICKETS, states=States(99_000, 900, 100, is_at_least=True))
    assert rows(replace(samples.COLLECTIONS, collections=(many,)))[0][3] == "100+ failed documents of support-tickets"
    choices = shown(replace(samples.DOCUMENTS, collection=many)).one(role="group").text
    assert choices == "All 100,000 Processed In progress 900+ Failed 100+"


def test_of_more_in_progress_than_were_read_nothing_is_called_processed_or_fine() -> None:
    many = replace(samples.TICKETS, states=States(99_900, 100, 0, is_at_least=True))
    row = rows(replace(samples.COLLECTIONS, collections=(many,)))[0]
    assert "100 or more not processed" in row[2]
    assert " processed, " not in row[2]
    assert row[3] == "not known"
    choices = shown(replace(samples.DOCUMENTS, collection=many)).one(role="group").text
    assert choices == "All 100,000 Processed In progress 100+ Failed"


def test_what_was_chosen_stays_in_the_form_and_in_the_links_to_other_pages() -> None:
    choice = FormValues({"q": 'a"&b', "state": "look", "sort": "size", "token": "not of this page"})
    document = shown(replace(samples.COLLECTIONS, choice=choice, number=2, pages=3, first=51, total=150))
    form = document.one("form")
    assert (form["method"], form["action"]) == ("get", f"{BASE}/")
    assert form.one("input", name="q")["value"] == 'a"&b'
    assert [each["value"] for each in form.all("option") if "selected" in each.attributes] == ["look", "size"]
    pager = document.one("nav", **{"aria-label": "Pages"})
    assert pager.text == f"Collections 51{DASH}53 of 150 Previous page Page 2 of 3 Next page"
    assert pager.all("a")[1]["href"] == f"{BASE}/?page=3&q=a%22%26b&state=look&sort=size"


def test_a_choice_that_matches_nothing_leads_back_to_all() -> None:
    text = shown(samples.PAGES["collections, no match"]).one("main").text
    assert "No collection matches this choice. Show all collections" in text


# --- Documents


def test_a_document_is_a_row_with_the_reason_as_the_service_gives_it() -> None:
    processed, failed, waiting = rows(samples.DOCUMENTS)
    assert processed == [
        "2026/11/ticket.html",
        "Processed",
        "47.1 KiB",
        "14",
        "queue=billing lang=en and 1 more tier=2",
        "26 Nov 02:42",
        "26 Nov 03:42",
    ]
    assert failed[1:4] == [f"Failed {samples.REASON}", "47.1 KiB", DASH]
    assert waiting[3] == waiting[6] == "not yet"
    assert shown(samples.DOCUMENTS).one("table").all("span", class_="doc")[0]["title"].startswith("s3://")


def test_the_next_page_of_documents_keeps_the_choice_and_knows_its_place() -> None:
    choice = FormValues({"state": "failed", "scope": "tickets"})
    document = shown(replace(samples.DOCUMENTS, choice=choice, is_start=False, before=50))
    start, after = document.one("nav", **{"aria-label": "Pages"}).all("a")
    assert start["href"] == f"{BASE}/c/collection_1?state=failed&scope=tickets"
    assert after["href"] == f"{BASE}/c/collection_1?token=token-2&before=53&state=failed&scope=tickets"
    assert document.one("form").one("input", name="state")["value"] == "failed"
    (current,) = (each for each in document.one(role="group").all("a") if "aria-current" in each.attributes)
    assert current.text == "Failed 14"


def test_documents_that_could_not_be_read_are_not_said_to_be_absent() -> None:
    text = shown(samples.PAGES["documents, gaps"]).one("main").text
    assert "The documents are not known" in text
    assert "No document" not in text
    assert "Documents not known Size not known Cost a month not known Last run (UTC) none known" in text
    assert "No document is in this collection yet." in shown(samples.PAGES["documents, none"]).one("main").text


def test_a_running_task_shows_how_far_it_is() -> None:
    document = shown(samples.PAGES["documents, running"])
    (note,) = (each for each in document.all("div") if each.classes == ["note", "run"])
    assert note.text == (
        "Running: 61% done, about 7 min left Stage indexing Documents 531 of 857 Sent 1.0 MiB of 2.0 MiB Failed 0 "
        "Started 26 Nov 03:42 UTC; the task\N{RIGHT SINGLE QUOTATION MARK}s last report is from 6 s ago. Open the task"
    )
    assert (note.one("progress")["value"], note.one("progress")["max"]) == ("531", "857")


# --- Runs


def test_a_run_is_a_row_and_what_a_failed_one_changed_is_not_known() -> None:
    changed, failed, nothing, silent, _ = rows(samples.RUNS_PAGE)
    assert changed == [
        "26 Nov 03:42",
        f"2 failed 1 document, and why a.docx failed: {samples.REASON}",
        "312",
        "41",
        "6",
        "2",
        "0",
        "4 min 12 s",
        "100,000",
        "2026-11-26.jsonl",
    ]
    assert failed == ["25 Nov 03:42", "Run failed", "what it changed is not known", "4 min 12 s", "not known", DASH]
    assert nothing[1:7] == ["Nothing to do", "0", "0", "0", "0", "0"]
    assert silent[1:3] == ["Success", "what it changed is not known"]
    links = shown(samples.RUNS_PAGE).one("table").all("a")
    assert [each["href"] for each in links] == [f"{AIRFLOW}{each.path}" for each in samples.RUNS]


def test_the_task_is_named_where_several_change_a_collection() -> None:
    runs = (samples.run(map_index=3), samples.run(1, dag_id="other"))
    names = [row[0] for row in rows(replace(samples.RUNS_PAGE, runs=runs))]
    assert names == ["26 Nov 03:42 sync_tickets: sync [3]", "25 Nov 03:42 other: sync"]


def test_a_run_that_took_far_longer_than_the_others_is_said_so() -> None:
    runs = (samples.run(seconds=4860.0), *(samples.run(days) for days in range(1, 5)))
    took = [row[7] for row in rows(replace(samples.RUNS_PAGE, runs=runs))]
    assert took == ["1 h 21 min usual: 4 min", *["4 min 12 s"] * 4]


def test_the_chart_is_described_and_each_of_its_columns_has_a_title() -> None:
    chart = shown(samples.RUNS_PAGE).one("svg", class_="plot")
    assert chart.one("desc").text == (
        "5 runs from 22 Nov to 26 Nov: 5,124 added, 51 replaced, 194 removed, 2 failed. 1 run failed. "
        "Of 1 run it is not known what changed. Documents: first 99,600, last 100,000. "
        "The table below has every number."
    )
    titles = [each.all("title")[0].text for each in chart.all("g")]
    assert titles[-1] == "26 Nov 03:42: 312 added, 41 replaced, 6 removed, 2 failed; 100,000 documents after it"
    assert titles[-2] == "25 Nov 03:42: the run failed"
    assert shown(samples.PAGES["runs, one"]).all("svg", class_="plot") == []


# --- Settings


def test_settings_scopes_fields_and_cost() -> None:
    document = shown(samples.SETTINGS)
    scopes, fields = document.all("table")
    assert [row[:4] for row in scopes.rows] == [
        ["tickets", "sync_tickets task sync", "support", "99,958"],
        ["default", "sync_tickets task ingest", "support", "not known"],
    ]
    assert fields.rows == [
        ["department Who owns it", "yes", "no", "no", "your Dag"],
        ["airflow_key", "no", "yes", "yes", "the provider"],
    ]
    text = document.one("main").text
    assert "Files about $23.86 a month Index about $95.46 a month Together about $119.32 a month" in text
    assert "Model grok-embedding-small" in text
    gaps = shown(samples.PAGES["settings, gaps"]).one("main").text
    assert "The fields are not known." in gaps
    assert "The cost is not known" in gaps
    assert "This collection has no fields." in shown(samples.PAGES["settings, none"]).one("main").text


# --- Failed documents


def test_failed_documents_stand_below_their_reason_and_what_to_do() -> None:
    document = shown(samples.FAILED_PAGE)
    assert document.one("h1").text == "3 failed documents, 2 reasons"
    (head,), new, old, (silent,), last = document.one("table").rows
    assert head == (
        f"{samples.REASON} 2 documents, 1 new in the last run What to do Look into one of the files. "
        'To leave such files out: exclude="*.tiff".'
    )
    assert new == ["a.docx file_1", "support-tickets", "47.1 KiB", "26 Nov 03:42 4 h ago", "New in the last run"]
    assert old[3:] == ["25 Nov 03:42 1 day ago", "Failed again: named by 3 runs"]
    assert silent == "No reason given 1 document"
    assert last[3:] == ["not known", "No known run names it"]
    assert [each.text for each in document.all("code") if "exclude" in each.text] == ['exclude="*.tiff"']


def test_collections_that_could_not_be_read_are_named_and_nothing_is_said_of_them() -> None:
    assert (
        "1 collection could not be read: scratch. Documents that failed there are not shown."
        in shown(samples.FAILED_PAGE).text
    )
    unread = replace(samples.FAILED_PAGE, groups=())
    assert shown(unread).one("h1").text == "No failed document in the collections that could be read"
    assert shown(samples.PAGES["failed, none"]).one("h1").text == "No document has failed"
    assert shown(samples.PAGES["failed, no match"]).one("h1").text == "No failed document matches this choice"
    assert shown(samples.PAGES["failed, gaps"]).one("h1").text == "Failed documents are not known"


def test_collections_to_choose_from_are_named_with_their_numbers() -> None:
    select = shown(samples.FAILED_PAGE).one("select", name="c")
    assert [(each["value"], each.text) for each in select.all("option")] == [
        ("", "All collections"),
        ("collection_1", "support-tickets (3)"),
    ]
    other = shown(replace(samples.FAILED_PAGE, choice=FormValues({"c": "collection_9"}))).one("select", name="c")
    assert [each["value"] for each in other.all("option") if "selected" in each.attributes] == ["collection_9"]


# --- Ask


def test_a_question_is_posted_so_that_it_stands_in_no_access_log() -> None:
    document = shown(samples.ASK)
    form = document.one("form")
    assert (form["method"], form["action"]) == ("post", f"{BASE}/ask")
    assert [each["name"] for each in form.all("input", "select")] == [
        "query",
        "collection_id",
        "mode",
        "limit",
        "filter",
        "expect",
    ]
    assert form.one("input", name="query")["value"] == "When is a refund paid?"
    assert [each["value"] for each in form.all("option") if "selected" in each.attributes] == ["", "keyword", "20"]
    assert "refund" not in " ".join(addresses(document))
    in_one = shown(samples.PAGES["ask, in one collection"])
    assert in_one.one("form")["action"] == f"{BASE}/c/collection_1/ask"
    assert in_one.one("input", name="collection_id").attributes["value"] == "collection_1"


def test_the_answer_says_whether_the_expected_document_was_found() -> None:
    document = shown(samples.ASK)
    assert "Found. refund-policy.md is passage 2 of 2, with a score of 0.79." in document.text
    first, second = document.one("ol").all("li")
    assert first.text == "1 0.83 a.html Money. support-tickets s3://x/a.html lang=en"
    assert second.text == "2 0.79 refund-policy.md · page 7 A refund is paid. The document you expected handbook"
    assert [each.text for each in second.all("mark")] == ["refund"]
    assert document.one("pre").text == 'XAISearchDocumentsOperator(task_id="check")'
    missed = shown(samples.PAGES["ask, in one collection"]).text
    assert "Not found. No passage of the 1 is from a document whose name contains refund-policy." in missed
    assert "No answer. The filter could not be read (400, request req_7)." in shown(samples.PAGES["ask, refused"]).text
    assert "No passage answers this question" in shown(samples.PAGES["ask, nothing found"]).text


# --- Start


def test_a_start_page_says_what_to_do() -> None:
    document = shown(samples.START)
    assert document.one("h1").text == "There is no collection yet"
    assert [each.text for each in document.one("ol").all("li")] == [
        "Add a connection.",
        "Write a Dag: with dag(): sync()",
    ]
    assert "".join(map(str, document.one("pre").children)) == "with dag():\n    sync()"
    forbidden = shown(samples.PAGES["start, forbidden"])
    assert forbidden.one("h1").text == "You may not see this page"
    assert forbidden.one("main").text == "You may not see this page It needs access to assets."
