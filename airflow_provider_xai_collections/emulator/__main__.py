"""``python -m airflow_provider_xai_collections.emulator``: an xAI to develop against, on loopback, without a key.

Once it listens it prints its Airflow connection, as two lines of shell to choose from: the one that begins with
``export AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT=`` puts the connection into the environment, the one that begins with
``airflow connections add`` into Airflow's database.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from airflow_provider_xai_collections.api.wire import explain
from airflow_provider_xai_collections.emulator import usage
from airflow_provider_xai_collections.emulator.connection import CONN_ID, connection_to, variable_of
from airflow_provider_xai_collections.emulator.control import PREFIX
from airflow_provider_xai_collections.emulator.delay import Delay
from airflow_provider_xai_collections.emulator.faults import FaultRule, parse_faults
from airflow_provider_xai_collections.emulator.service import Emulator
from airflow_provider_xai_collections.emulator.settings import Settings
from airflow_provider_xai_collections.emulator.store import Store

if TYPE_CHECKING:
    from airflow_provider_xai_collections.emulator.server import ServerUrls

_PROGRAM = "python -m airflow_provider_xai_collections.emulator"


def main(
    arguments: Sequence[str] | None = None, stop: threading.Event | None = None, *, program: str = _PROGRAM
) -> int:
    """Serve until ``stop`` is set; by default SIGTERM and SIGINT set it.

    :param program: the name that it was called by, for ``--help``.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    try:
        from airflow_provider_xai_collections.emulator.server import running
    except ImportError as error:
        parser.exit(1, f"{error}: pip install 'airflow-provider-xai-collections[emulator]'\n")
    settings = _settings(parser, options)
    try:
        store = Store(options.db)
    except sqlite3.Error as error:
        parser.error(f"argument --db: {options.db}: {error}")
    emulator = Emulator(settings, store, options.faults, seed=options.seed)
    stop = stop or _stopped_by_signals()
    # What it cannot read of a PDF is in the answers, and need not be on the console.
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    try:
        with running(emulator, port=options.port, api_port=options.api_port) as server:
            print(_announcement(settings, server), flush=True)
            stop.wait()
    except OSError as error:
        parser.error(f"argument --port, --api-port: {error}")
    finally:
        emulator.close()
    return 0


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Play xAI's Collections API on 127.0.0.1.",
        epilog=usage.epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=0, help="of the management host; 0 takes a free one")
    parser.add_argument("--api-port", type=_port, help="of the API host; without it one port serves both")
    parser.add_argument("--db", default=":memory:", metavar="PATH", help="SQLite file, to survive a restart")
    parser.add_argument("--indexing", type=_delay, metavar="DELAY", help="instant, reads:N or seconds:S")
    parser.add_argument("--faults", type=_faults, default=(), metavar="JSON|@FILE", help="a list of rules, see below")
    parser.add_argument("--seed", type=int, default=0, help="of faults that have a probability")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a switch, see below; may be repeated"
    )
    parser.add_argument("--management-key", metavar="KEY", help="of everything under /v1/collections")
    parser.add_argument("--api-key", metavar="KEY", help="of files and searches")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")
    return int(text)


def _faults(text: str) -> tuple[FaultRule, ...]:
    try:
        return parse_faults(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _delay(text: str) -> str:
    try:
        Delay.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _settings(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {}
    for assignment in options.set:
        name, equals, value = assignment.partition("=")
        if not equals:
            parser.error(f"argument --set: {assignment!r} is not NAME=VALUE")
        given[name] = _value(value)
    named = {name: getattr(options, name) for name in ("indexing", "management_key", "api_key")}
    try:
        return Settings(**given | {name: value for name, value in named.items() if value is not None})
    except ValidationError as error:
        parser.error(f"argument --set: {explain(error)}")


def _value(text: str) -> Any:
    """Read ``true``, ``5``, ``null`` and ``["a*"]`` as JSON; leave all else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _announcement(settings: Settings, urls: ServerUrls) -> str:
    management_url, connection = urls.management_url, connection_to(urls, settings)
    document = shlex.quote(json.dumps(connection))
    return f"""This is an emulator, not xAI. It listens on {management_url} until it is interrupted (Ctrl-C).
Where Airflow runs, tell it the connection: in the environment,

export {variable_of(CONN_ID)}={document}

or in its database:

airflow connections add {CONN_ID} --conn-json {document}

For xai-collections without Airflow:

export XAI_MANAGEMENT_HOST={management_url} XAI_API_HOST={urls.api_url}
export XAI_MANAGEMENT_API_KEY={shlex.quote(settings.management_key)} XAI_API_KEY={shlex.quote(settings.api_key)}

What it was asked: curl {management_url}{PREFIX}requests. Faults and switches: --help."""


if __name__ == "__main__":
    sys.exit(main())
