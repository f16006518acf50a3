"""The command for files that are in no collection."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.api.unattached import (
    Inventory,
    delete_unattached,
    still_unattached,
    take_inventory,
)
from airflow_provider_xai_collections.cli.main import FINE, NOT_AS_WANTED
from airflow_provider_xai_collections.cli.output import SHOWN, Output, size
from airflow_provider_xai_collections.cli.session import Session, open_session
from airflow_provider_xai_collections.durations import in_words, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.manifests.files import FileLine, FileOutcome
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.text import counted


def files(options: argparse.Namespace, output: Output) -> int:
    """List files in no collection, and delete them if told to; exit code 1 if some could not be deleted."""
    if options.delete and not options.unattached:
        raise XAIArgumentError("--delete deletes files in no collection: say so with --unattached")
    choice, age = Choice(options.pattern or "*"), _age(options.older_than)
    with open_session(options.conn_id, options.team_id, patient=options.delete) as session:
        inventory = session.run(take_inventory(team_id=session.team_id))
        found = inventory.unattached(before=time.time() - age, is_wanted=choice.pattern.matches)
        outcomes: dict[str, FileOutcome] = {}
        failed = 0
        if options.delete:
            found = session.run(still_unattached(inventory, found, team_id=session.team_id))
            failed = _delete(session, found, outcomes, output, options.concurrency)
    lines = [line.dump() | {"created_at": line.created_at} for line in FileLine.each(found, outcomes)]
    shown = ("name", "bytes", "created_at", "outcome", "file_id")
    rows = [{key: line[key] for key in shown} for line in lines]
    output.rows(rows[:SHOWN] if output.is_for_people else rows, empty=_none(inventory, age))
    for warning in choice.warnings("the team's files"):
        output.say(warning, "yellow")
    if output.is_for_people and len(rows) > SHOWN:
        output.say(f"and {counted(len(rows) - SHOWN, 'more file')}: -o json shows all")
    if rows and not options.delete:
        total = size(sum(file.bytes for file in found))
        output.say(f"{counted(len(rows), 'file')} in no collection, {total}. Nothing was deleted: --delete does that")
    return NOT_AS_WANTED if failed else FINE


_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0}


def _age(text: str) -> float:
    """Return an age in seconds: ``12h``, ``7d``, or days.

    :raises XAIArgumentError: it is none.
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "d")
    try:
        return seconds("--older-than", float(number) * _UNITS[unit], or_none=True)
    except (ValueError, XAIArgumentError):
        raise XAIArgumentError(f"--older-than is {text!r}; it must be an age such as 12h or 7d") from None


def _none(inventory: Inventory, age: float) -> str:
    files, old = counted(len(inventory.files), "file"), f", if older than {in_words(age)}" if age else ""
    return f"No file of {files} is in no collection{old} and matched."


def _delete(
    session: Session, files: list[File], outcomes: dict[str, FileOutcome], output: Output, concurrency: int
) -> int:
    """Delete files, note what became of each, and return how many could not be deleted."""

    def flows() -> Iterator[Flow[bool]]:
        for file in files:
            yield delete_unattached(file)

    failed = 0
    for position, outcome in session.run_many(flows(), concurrency=concurrency):
        if isinstance(outcome, XAIError):
            failed += 1
            output.say(f"{files[position].filename}: {outcome}", "red")
        else:
            outcomes[files[position].id] = FileOutcome.DELETED if outcome else FileOutcome.KEPT
    return failed
