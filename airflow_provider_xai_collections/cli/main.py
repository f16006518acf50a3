"""``xai-collections``: run a command, and end with an exit code that says how it went."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TextIO

from airflow_provider_xai_collections.cli.definition import NAME, START_EMULATOR, parser

#: Exit codes: all is as wanted; it is not; the command could not do its work; Ctrl-C.
FINE, NOT_AS_WANTED, TROUBLE, INTERRUPTED = 0, 1, 2, 130
#: The reader of the answer has left, as ``head`` does: what a shell calls the end by that signal.
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [START_EMULATOR]:
        return start_emulator(given[1:], NAME)
    top = parser()
    _complete(top)
    options = top.parse_args(given)
    return execute(options.run, options)


def start_emulator(arguments: Sequence[str], program: str) -> int:
    """Start the emulator, and return its exit code when it was stopped.

    :param arguments: its own.
    :param program: the command that it is a part of.
    """
    from airflow_provider_xai_collections.emulator.__main__ import main as emulator

    return emulator(arguments, program=f"{program} {START_EMULATOR}")


def execute(name: str, options: argparse.Namespace) -> int:
    """Run the function of a command; errors become a line on stderr and an exit code.

    :param name: module and function, below this package.
    """
    from airflow_provider_xai_collections.cli.output import Format, Output
    from airflow_provider_xai_collections.exceptions import XAIError

    for noisy in ("httpx", "httpcore", "airflow"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    module, _, function = name.partition(".")
    with answering() as stream:
        output = Output(Format(options.output), stream)
        try:
            code: int = getattr(import_module(f"{__package__}.{module}"), function)(options, output)
            stream.flush()
        except BrokenPipeError:  # as by ``| head``
            return BROKEN_PIPE
        except KeyboardInterrupt:
            output.say(f"{NAME}: interrupted")
            return INTERRUPTED
        except XAIError as error:
            output.say(f"{NAME}: {error}", "red")
            return TROUBLE
        except Exception as error:  # exit code 1 would say that something differs
            output.say(f"{NAME}: {type(error).__name__}: {error}", "red")
            logging.getLogger(NAME).debug("", exc_info=True)
            return TROUBLE
        return code


@contextmanager
def answering() -> Iterator[TextIO]:
    """Keep stdout for the answer alone: what others write there meanwhile, as Airflow's log does, goes to stderr."""
    try:
        real = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="backslashreplace")
    except (AttributeError, OSError, ValueError):  # there is none, or a test has taken it
        yield sys.stdout
        return
    number = sys.stdout.fileno()
    kept = os.dup(number)
    os.dup2(sys.stderr.fileno(), number)
    try:
        yield real
    finally:
        with suppress(OSError):
            real.close()
        with suppress(OSError):
            sys.stdout.flush()
        os.dup2(kept, number)
        os.close(kept)


def _complete(top: argparse.ArgumentParser) -> None:
    """Let the shell complete arguments, if ``argcomplete`` is there, as with Airflow."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(top)


if __name__ == "__main__":
    sys.exit(main())
