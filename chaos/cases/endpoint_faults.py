"""Every endpoint of the client meets every fault, once, twice and for ever; calls that operators make, once."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from airflow_provider_xai_collections.api.endpoints import UPLOAD_DOCUMENT
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import XAIError, XAIOutcomeUnknownError
from chaos.faults import FAULTS, GATEWAY_FAULTS, Fault
from chaos.hosts import Place, open_place
from chaos.hurry import BRIEF
from chaos.leftovers import warm_up
from chaos.memory import weighed
from chaos.operations import OPERATIONS, Doubt, Operation
from chaos.spoiling import DRIVERS, Outcome, spoil
from chaos.tasks import TASKS
from chaos.trials import Size, Trial

#: Of the faults, the share that each operation meets; of these trials, the share that runs on the event loop as well.
_SHARE = {Size.SMALL: 0.25, Size.MEDIUM: 0.6, Size.FULL: 1.0}
_ON_THE_LOOP = 0.25
#: Of the faults, the share that each call of an operator meets, once: calls by themselves meet them more often.
_SHARE_OF_TASKS = {Size.SMALL: 0.08, Size.MEDIUM: 0.3, Size.FULL: 1.0}
#: How often the fault happens; ``None`` is always.
_TIMES = (1, 2, None)
#: How much longer than asked a client may wait: once asked to slow down, requests keep a distance as well.
_LONGER = 1.2
_SAID = {1: "once", 2: "twice", None: "always"}

_Chosen: TypeAlias = tuple[Operation, Fault, int | None, str]


def endpoint_faults(size: Size, seed: int) -> Generator[Trial, None, None]:
    """A read gets past what passes. A write is repeated where nothing can have been done, and done once at most."""
    with open_place() as place, tempfile.TemporaryDirectory() as folder:
        warm_up(place)
        chosen = _choose(size, random.Random(seed))  # noqa: S311  # a die for trials, not a secret
        yield from weighed(trial(place, Path(folder), *each) for each in chosen)


def _choose(size: Size, die: random.Random) -> Iterator[_Chosen]:
    by_hook, on_the_loop = DRIVERS
    for operation in OPERATIONS:
        for fault in _faults(operation, _SHARE[size], die):
            for times in _TIMES if size is Size.FULL else (die.choice(_TIMES),):
                yield operation, fault, times, by_hook
                if die.random() < _ON_THE_LOOP:
                    yield operation, fault, times, on_the_loop
    for task in TASKS:
        for fault in _faults(task, _SHARE_OF_TASKS[size], die):
            yield task, fault, 1, by_hook


def _faults(operation: Operation, share: float, die: random.Random) -> list[Fault]:
    """Some of those that any call may meet, and all that only this one does."""
    own = GATEWAY_FAULTS if operation.spoilt is UPLOAD_DOCUMENT else ()
    return [*die.sample(FAULTS, round(share * len(FAULTS))), *own]


def trial(place: Place, folder: Path, operation: Operation, fault: Fault, times: int | None, driver: str) -> Trial:
    """One operation under one fault.

    :param times: how often it happens; ``None`` is always.
    """
    outcome = spoil(place, folder, operation, fault, times, driver)
    expected = expected_error(operation, fault, times)
    if expected is None and _met_the_next_call(operation, fault, outcome.error):
        expected = operation.told(XAIOutcomeUnknownError)
    return Trial(
        group=fault.name,
        what=f"{operation.name}, {_SAID[times]}, {driver}",
        ended=_ending(operation, fault, times, outcome.error),
        wrong=(
            *_wrong_end(outcome, expected),
            *_wrong_work(operation, fault, times, outcome),
            *_wrong_pauses(fault, outcome),
            *outcome.wrong,
        ),
    )


def expected_error(operation: Operation, fault: Fault, times: int | None) -> type[Exception] | None:
    """How the operation should end; ``None`` is well."""
    error = _error_of_call(operation, fault, times)
    return None if error is None else operation.told(error)


def _met_the_next_call(operation: Operation, fault: Fault, error: BaseException | None) -> bool:
    """Tell whether a write that followed in the same task met the fault, and does not know what came of it."""
    return fault.late and operation.flow is None and type(error) is operation.told(XAIOutcomeUnknownError)


def _error_of_call(operation: Operation, fault: Fault, times: int | None) -> type[XAIError] | None:
    if _is_harmless(operation, fault) or _goes_another_way(operation, fault, times):
        return None
    if fault.final:
        return fault.error if _is_believed(operation, fault, times) else None
    if _may_repeat(operation, fault):
        return None if times else fault.error
    match operation.doubt:
        case Doubt.RAISES:
            is_well = False
        case Doubt.LOOKS:
            is_well = fault.works
        case Doubt.LOOKS_AND_REPEATS:
            is_well = fault.works or times is not None
        case Doubt.REPEATS:
            is_well = times is not None
    return None if is_well else XAIOutcomeUnknownError


def _is_harmless(operation: Operation, fault: Fault) -> bool:
    """An answer that says nothing may come without a body."""
    is_empty = fault.rule is not None and fault.rule.get("body") == b""
    return fault.harmless or (is_empty and operation.spoilt.answer is Empty)


def _goes_another_way(operation: Operation, fault: Fault, times: int | None) -> bool:
    return fault.unroutable and operation.other_way and _is_believed(operation, fault, times)


def _is_believed(operation: Operation, fault: Fault, times: int | None) -> bool:
    return times is None or times >= _tries_of_final(operation, fault)


def _tries_of_final(operation: Operation, fault: Fault) -> int:
    return 2 if fault.doubtful and operation.asks_again else 1


def _may_repeat(operation: Operation, fault: Fault) -> bool:
    return operation.spoilt.idempotent or fault.undone


def _ending(operation: Operation, fault: Fault, times: int | None, error: BaseException | None) -> str:
    if error is not None:
        return type(error).__name__
    if _is_harmless(operation, fault):
        return "done"
    if _goes_another_way(operation, fault, times):
        return "done by two calls"
    found = fault.works and operation.doubt in (Doubt.LOOKS, Doubt.LOOKS_AND_REPEATS)
    return "done, seen by a look" if found and not _may_repeat(operation, fault) else "done by the retry"


def _wrong_end(outcome: Outcome, expected: type[Exception] | None) -> Iterable[str]:
    if type(outcome.error) is not (expected or type(None)):
        yield f"it ended with {outcome.error!r}, and should have with {_named(expected)}"
    elif expected is None and not outcome.is_right:
        yield f"its value is {outcome.value!r}"


def _named(expected: type[Exception] | None) -> str:
    return "no error" if expected is None else expected.__name__


def _wrong_work(operation: Operation, fault: Fault, times: int | None, outcome: Outcome) -> Iterable[str]:
    repeats = operation.doubt is Doubt.REPEATS
    if not operation.spoilt.idempotent and not repeats and outcome.done > 1:
        yield f"{operation.spoilt.name} was done {outcome.done} times"
    wanted = 1 if outcome.error is None or (fault.works and not repeats) else 0
    if outcome.traces not in (None, wanted):
        yield f"what it does is there {outcome.traces} times, and should be {wanted} times"
    least, most = _tries(operation, fault, times)
    if not least <= outcome.played <= most:
        yield f"the fault happened {outcome.played} times, and should have {least} to {most} times"


def _wrong_pauses(fault: Fault, outcome: Outcome) -> Iterable[str]:
    """The client waits before each retry for as long as it was asked, and not much longer."""
    if not fault.asks:
        return
    if fault.by_date:
        until = fault.asks_until(outcome.began)
        # A pause begins a moment after its length was reckoned.
        as_asked = [pause for pause in outcome.pauses if pause.seconds >= until - pause.at]
    else:
        as_asked = [pause for pause in outcome.pauses if pause.seconds >= fault.asks]
    retries = outcome.played - (outcome.error is not None)
    if len(as_asked) < retries:
        yield f"it waited as asked {len(as_asked)} times, and tried again {retries} times"
    if any(pause.seconds > fault.asks * _LONGER for pause in outcome.pauses):
        yield f"it waited for {max(pause.seconds for pause in outcome.pauses)} seconds, and was asked for {fault.asks}"


def _tries(operation: Operation, fault: Fault, times: int | None) -> tuple[int, int]:
    """How often the fault should be met, at least and at most."""
    if _is_harmless(operation, fault):
        return 1, 10
    if fault.final:
        tries = _tries_of_final(operation, fault)
        return (min(times or tries, tries),) * 2
    if _may_repeat(operation, fault):
        return (times or BRIEF.attempts,) * 2
    if operation.doubt in (Doubt.RAISES, Doubt.LOOKS):
        return 1, 1
    return (1, 1) if fault.works and operation.doubt is not Doubt.REPEATS else (min(times or 3, 3), times or 5)
