"""The commands and their arguments, for ``xai-collections`` and for ``airflow xai-collections``.

Airflow imports this module for each of its own commands, so it imports nothing else of this provider.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

NAME = "xai-collections"
#: It takes the arguments of ``python -m airflow_provider_xai_collections.emulator``.
START_EMULATOR = "emulator"
ABOUT_EMULATOR = "start an xAI to develop against; see emulator --help, in Airflow emulator -- --help"
ABOUT = "Look at xAI collections, and sync documents into them, without a DAG."
KEYS = """keys:
  --conn-id NAME                 of an Airflow connection; or, without Airflow, in the environment:
  XAI_MANAGEMENT_API_KEY         the management key
  XAI_API_KEY                    the API key: searches, files
  XAI_MANAGEMENT_HOST, XAI_API_HOST   other hosts than xAI's, such as the emulator's
  XAI_TEAM_ID                    the team, if the keys do not say

exit codes:
  0  all is as wanted     1  it is not: differences, failed documents, a check that failed
  2  wrong arguments, no keys, or xAI cannot be reached                130  Ctrl-C
"""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command, as ``argparse`` takes it."""

    flags: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    :param run: module and function that run it with the arguments, and return the exit code.
    :param examples: lines that follow the name of the program.
    """

    name: str
    help: str
    run: str
    arguments: Sequence[Argument]
    examples: Sequence[str]

    @property
    def epilog(self) -> str:
        """The text below the arguments in ``--help``."""
        return "examples:\n" + "".join(f"  {NAME} {example}\n" for example in self.examples) + f"\n{KEYS}"


def _count_or_share(text: str) -> float:
    """Read a count (``1``) or a share (``0.25``; ``1.0`` is all)."""
    return int(text) if text.isdecimal() else float(text)


def _argument(*flags: str, **settings: Any) -> Argument:
    return Argument(flags, settings)


_COLLECTION = _argument("collection", metavar="NAME", help="the collection, by its name or id")
_SOURCE = _argument("source", metavar="SOURCE", help="a folder, a file, a glob in quotes, or a URL such as s3://…")
_COMMON = (
    _argument("-o", "--output", choices=("table", "json", "yaml", "plain"), default="table", help="default: table"),
    _argument("--conn-id", metavar="ID", help="an Airflow connection"),
    _argument("--team-id", metavar="ID", help="the team to act for"),
)
_CHOICE = (
    _argument("--pattern", action="append", metavar="PATTERN", help="only such files, as in .gitignore; repeatable"),
    _argument("--exclude", action="append", metavar="PATTERN", help="no such files; repeatable"),
    _argument("--follow-links", action="store_true", help="take what links lead to that leave the source"),
)
_SCOPE = _argument("--scope", metavar="SCOPE", help="as the argument of that name of the operator")
_CONCURRENCY = _argument("--concurrency", type=int, default=8, metavar="N", help="documents at once; default: 8")
_PLAN = (
    *_CHOICE,
    _SCOPE,
    _argument("--field", action="append", metavar="KEY=VALUE", help="metadata of all documents; repeatable"),
    _argument("--retry-failed", action="store_true", help="upload again what xAI said it will never index"),
    _argument("--report", metavar="PATH", help="write a line of JSON for each document"),
    _CONCURRENCY,
)
_PRUNE = (
    _argument("--prune", action="store_true", help="remove what is missing from the source"),
    _argument("--max-prune", type=_count_or_share, default=0.25, metavar="N", help="at most so many; 0.25 is a share"),
)
_WORK = (
    _argument(
        "--max-failed", type=_count_or_share, default=0, metavar="N", help="documents that may fail; 0.05 is a share"
    ),
    _argument("--timeout", type=float, default=3600.0, metavar="SECONDS", help="of the wait; default: 3600"),
    _argument("--no-wait", action="store_true", help="do not wait until documents are processed"),
)

COMMANDS = (
    Command(
        "doctor",
        "check versions, keys, permissions, network, and say what to do",
        "doctor.doctor",
        _COMMON,
        ("doctor", "doctor --conn-id xai_collections_default"),
    ),
    Command(
        "ls",
        "list collections with their documents, size and states",
        "showing.ls",
        (*_COMMON, _argument("--quick", action="store_true", help="without the states, which cost a request each")),
        ("ls", "ls -o json"),
    ),
    Command(
        "status",
        "show one collection: states, failed documents and why, scopes, chunking, fields",
        "showing.status",
        (
            _COLLECTION,
            _argument("--scopes", action="store_true", help="count documents by scope, also if they are many"),
            *_COMMON,
        ),
        ("status handbook", "status collection_4be0 -o yaml"),
    ),
    Command(
        "search",
        "ask a question, and show the passages that answer it",
        "searching.search",
        (
            _COLLECTION,
            _argument("query", metavar="QUESTION", help="in plain words"),
            _argument("--limit", type=int, default=5, metavar="N", help="passages; default: 5"),
            _argument("--filter", metavar="FILTER", help="an expression over fields of documents, in AIP-160"),
            *_COMMON,
        ),
        ('search handbook "What is done about a 503?"', "search handbook leave --filter 'year >= \"2024\"'"),
    ),
    Command(
        "diff",
        "show what a sync would do, and change nothing; exit code 0: equal, 1: different",
        "syncing.diff",
        (_SOURCE, _COLLECTION, *_PLAN, *_PRUNE, *_COMMON),
        (
            "diff ./docs handbook",
            "diff ./docs handbook --prune --report plan.jsonl",
            "diff 's3://bucket/docs/**/*.md' handbook -o json",
        ),
    ),
    Command(
        "sync",
        "make a collection equal to a source",
        "syncing.sync",
        (
            _SOURCE,
            _COLLECTION,
            *_PLAN,
            *_PRUNE,
            *_WORK,
            _argument("--overlap", type=float, default=30.0, metavar="SECONDS", help="for which old versions stay"),
            _argument("--dry-run", action="store_true", help="as diff"),
            *_COMMON,
        ),
        ("sync ./docs handbook", "sync ./docs handbook --prune --exclude 'drafts/'"),
    ),
    Command(
        "ingest",
        "add documents to a collection, and remove none",
        "syncing.ingest",
        (
            _SOURCE,
            _COLLECTION,
            *_PLAN,
            *_WORK,
            _argument("--dry-run", action="store_true", help="only say what it would do"),
            *_COMMON,
        ),
        ("ingest report.pdf handbook", "ingest ./docs handbook --field year=2026"),
    ),
    Command(
        "verify",
        "compare a source with a collection, byte for byte, by the hashes that xAI itself has made",
        "syncing.verify",
        (_SOURCE, _COLLECTION, *_CHOICE, _SCOPE, *_COMMON),
        ("verify ./docs handbook",),
    ),
    Command(
        "files",
        "list files that are in no collection, and delete them if told to",
        "files.files",
        (
            _argument("--unattached", action="store_true", help="files in no collection: all that it lists, so far"),
            _argument("--older-than", default="7d", metavar="AGE", help="uploaded so long ago: 12h, 7d; default: 7d"),
            _argument("--pattern", action="append", metavar="PATTERN", help="only such names; repeatable"),
            _argument("--delete", action="store_true", help="delete them"),
            _CONCURRENCY,
            *_COMMON,
        ),
        ("files --unattached", "files --unattached --older-than 12h --delete"),
    ),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``xai-collections``."""
    top = argparse.ArgumentParser(
        prog=NAME, description=ABOUT, epilog=KEYS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        one = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[:1].upper()}{command.help[1:]}",
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for argument in command.arguments:
            one.add_argument(*argument.flags, **argument.settings)
        one.set_defaults(run=command.run)
    commands.add_parser(START_EMULATOR, help=ABOUT_EMULATOR, add_help=False)
    return top


def get_cli_commands() -> list[Any]:
    """Return the commands for Airflow, from 3.2 on: ``airflow xai-collections …``."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    return [
        GroupCommand(
            name=NAME,
            help=ABOUT,
            subcommands=[
                ActionCommand(
                    name=command.name,
                    help=command.help,
                    epilog=command.epilog,
                    func=partial(_run, command.run),
                    args=[Arg(flags=argument.flags, **argument.settings) for argument in command.arguments],
                )
                for command in COMMANDS
            ]
            + [
                ActionCommand(
                    name=START_EMULATOR,
                    help=ABOUT_EMULATOR,
                    func=_start_emulator,
                    args=[Arg(flags=("options",), nargs=argparse.REMAINDER, help="those of the emulator, after --")],
                )
            ],
        )
    ]


def _start_emulator(options: argparse.Namespace) -> None:
    from airflow_provider_xai_collections.cli.main import start_emulator

    sys.exit(start_emulator([each for each in options.options if each != "--"], f"airflow {NAME}"))


def _run(name: str, options: argparse.Namespace) -> None:
    from airflow_provider_xai_collections.cli.main import execute

    sys.exit(execute(name, options))
