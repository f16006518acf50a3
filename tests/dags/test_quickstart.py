"""dags/xai_quickstart.py in a real Airflow, against the emulator on its socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_xai_collections.api.content_types import unsupported
from tests.conftest import API_KEY, MANAGEMENT_KEY, playing
from tests.dags.conftest import Airflow
from tests.operators.stage import Xai, write
from tests.sample_documents import SAMPLES


@pytest.mark.parametrize("emulator_settings", [playing(indexing="seconds:1")])
def test_run_twice_it_answers_both_times_and_uploads_once(xai: Xai, folder: Path, airflow: Airflow) -> None:
    params = {"collection_name": "library", "documents": str(folder), "question": "Who mentions gamma?"}
    for there in (0, 3):
        said = airflow.test("xai_quickstart", params)
        assert "deep/c.md" in said
        assert "Who mentions gamma?" in said
        assert f"3 documents processed, {there} of them there before; 0 not" in said
        assert MANAGEMENT_KEY not in said
        assert API_KEY not in said
    assert xai.emulator.count("upload_document") == 3
    assert xai.emulator.count("search_documents") == 2
    [library] = xai.hook.find_collections(collection_name="library")
    assert xai.names(library.collection_id) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.unattached(library.collection_id) == []


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("b.txt",))])
def test_what_cannot_be_searched_is_listed_below_the_answer(xai: Xai, folder: Path, airflow: Airflow) -> None:
    write(folder, {"logo.png": b"\x89PNG\r\n\x1a\n", "empty.md": ""})
    params = {"collection_name": "library", "documents": str(folder), "question": "Who mentions alpha?"}
    said = airflow.test("xai_quickstart", params)
    words = (
        "Who mentions alpha?",
        "/a.md\n",
        "2 documents processed, 0 of them there before; 3 not",
        "failed: b.txt: ",
    )
    places = [said.index(each) for each in (*words, "skipped: empty.md: ", "skipped: logo.png: ")]
    assert places == sorted(places), said
    assert "Traceback" not in said


@pytest.mark.parametrize("kinds", [{}, {"logo.png": b"\x89PNG\r\n\x1a\n"}])
def test_a_folder_of_which_nothing_can_be_searched_fails_and_says_so(
    xai: Xai, tmp_path: Path, airflow: Airflow, kinds: dict[str, bytes]
) -> None:
    documents = tmp_path / "pictures"
    documents.mkdir()
    write(documents, kinds)
    said = airflow.test("xai_quickstart", {"collection_name": "library", "documents": str(documents)}, fails=True)
    assert f"nothing in {documents.as_uri()} could be processed" in said
    assert all(f"skipped: {name}: " in said for name in kinds)
    assert xai.emulator.count("search_documents") == 0
    assert MANAGEMENT_KEY not in said


def test_it_takes_what_its_patterns_say(xai: Xai, folder: Path, airflow: Airflow) -> None:
    params = {"collection_name": "library", "documents": str(folder), "pattern": "*.md", "exclude": "deep/*"}
    airflow.test("xai_quickstart", params)
    [library] = xai.hook.find_collections(collection_name="library")
    assert xai.names(library.collection_id) == ["a.md"]
    airflow.test("xai_quickstart", {**params, "pattern": "*", "exclude": "['*.txt', 'nowhere']"})
    assert xai.names(library.collection_id) == ["a.md", "deep/c.md"]


def test_of_a_folder_of_pdf_and_office_files_the_question_finds_the_text(
    xai: Xai, tmp_path: Path, airflow: Airflow
) -> None:
    kinds = [ending for ending in SAMPLES if not unsupported(f"a{ending}")]
    documents = write(tmp_path / "office", {f"a{each}": SAMPLES[each](f"Lantern {each[1:]} is lit") for each in kinds})
    for ending in (".pdf", ".docx"):
        params = {"collection_name": "office", "documents": str(documents), "question": f"lantern {ending[1:]} lit"}
        said = airflow.test("xai_quickstart", params)
        assert f"/a{ending}\n" in said
        assert f"Lantern {ending[1:]} is lit" in said
    assert xai.emulator.count("upload_document") == len(kinds)
    assert xai.emulator.count("upload_file") == 0
