"""A worker that dies in the middle: the retry finishes the work, and nothing is at xAI twice.

With the LocalExecutor a worker is a process that supervises the task, and the task is its child. Two deaths are played:
the machine's, which takes both, and the worker's alone, which leaves an orphan that goes on with its work while the
retry does the same.
"""

from __future__ import annotations

from tests.system.scenarios.workers import Killed
from tests.system.stack import TEXTS


def test_after_a_death_during_upload_only_the_document_that_was_not_attached_is_uploaded_again(
    killed_during_upload: Killed,
) -> None:
    killed_during_upload.check()
    asked = [entry["endpoint"] for entry in killed_during_upload.after]
    assert asked.count("upload_file") == 1
    assert asked.count("add_document") == 1


def test_after_a_death_during_attach_nothing_is_uploaded_or_attached_again(killed_during_attach: Killed) -> None:
    killed_during_attach.check()
    asked = {entry["endpoint"] for entry in killed_during_attach.after}
    assert not asked & {"upload_file", "add_document"}
    assert len(killed_during_attach.files) == len(TEXTS)


def test_after_a_death_during_the_wait_the_retry_uploads_nothing_again(killed_during_wait: Killed) -> None:
    # It need not wait: the documents may have been processed meanwhile, as its list then says.
    killed_during_wait.check()
    asked = {entry["endpoint"] for entry in killed_during_wait.after}
    assert not asked & {"upload_file", "add_document"}
    assert len(killed_during_wait.files) == len(TEXTS)


def test_an_orphan_that_goes_on_beside_the_retry_doubles_nothing(orphaned_during_upload: Killed) -> None:
    # Whether it lives long enough to delete the files it has uploaded in vain is another matter: it dies when it says
    # something, because nobody listens any more.
    orphaned_during_upload.check()
