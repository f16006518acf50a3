"""The command that checks what a sync would need."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.endpoints import LIST_COLLECTIONS, LIST_FILES, VALIDATE_MANAGEMENT_KEY
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.cli.main import FINE, NOT_AS_WANTED
from airflow_provider_xai_collections.cli.output import Output
from airflow_provider_xai_collections.cli.session import Session, open_session
from airflow_provider_xai_collections.client import certificates
from airflow_provider_xai_collections.client.proxies import proxy_for
from airflow_provider_xai_collections.client.settings import Service
from airflow_provider_xai_collections.durations import in_words
from airflow_provider_xai_collections.exceptions import XAICredentialError, XAIError

#: Storages, and the packages that make them known to Airflow.
STORAGES = {
    "s3://": ("s3fs", "apache-airflow-providers-amazon[s3fs]"),
    "gs://": ("gcsfs", "apache-airflow-providers-google"),
    "abfs://": ("adlfs", "apache-airflow-providers-microsoft-azure"),
}
#: Releases of Airflow with a fault that users of this provider meet.
KNOWN = {
    "3.3.1": "its Test button tests only a stored connection that has a port: fill in the port, 443",
    "3.3.2": "its Test button tests only a stored connection that has a port: fill in the port, 443",
}


#: Seconds that two clocks may differ.
LARGEST_DRIFT = 60.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer: ``ok``, ``note`` (worth knowing) or ``wrong``."""

    result: str
    check: str
    found: str


def doctor(options: argparse.Namespace, output: Output) -> int:
    """Check all that can be checked; exit code 1 if something is wrong."""
    checks = list(_checks(options))
    output.rows([{"result": one.result, "check": one.check, "found": one.found} for one in checks])
    return NOT_AS_WANTED if any(one.result == "wrong" for one in checks) else FINE


def _checks(options: argparse.Namespace) -> Iterator[Check]:
    yield from _versions()
    try:
        session = open_session(options.conn_id, options.team_id)
    except XAIError as error:
        yield Check("wrong", "keys", str(error))
        return
    with session:
        yield Check("ok", "keys", f"from {session.origin}")
        settings = session.client.settings
        for service in (settings.management, settings.api):
            yield _way(service)
        yield _certificates()
        yield _clock(session)
        yield from _management(session)
        yield _tried("API key", session, lambda: session.run(call(LIST_FILES.request(limit=1))), "files can be listed")
    yield from _storages()
    yield from _triggerer()


def _versions() -> Iterator[Check]:
    yield Check("ok", "provider", f"{__version__}, Python {platform.python_version()}")
    try:
        airflow = version("apache-airflow-core")
    except PackageNotFoundError:
        try:
            airflow = version("apache-airflow")
        except PackageNotFoundError:
            yield Check("note", "Airflow", "not installed here: this command does without")
            return
    if airflow in KNOWN:
        yield Check("note", "Airflow", f"{airflow}: {KNOWN[airflow]}")
    else:
        yield Check("ok", "Airflow", airflow)


def _way(service: Service) -> Check:
    try:
        proxy = proxy_for(service)
    except XAIError as error:
        return Check("wrong", "network", str(error))
    return Check("ok", "network", f"{service.place}{f', through {proxy}' if proxy else ''}")


def _certificates() -> Check:
    named = certificates.named_by_environment()
    return Check("ok", "certificates", f"{named[0]} is {named[1]}" if named else "the public authorities")


def _clock(session: Session) -> Check:
    """Compare this machine's clock with xAI's: one that is wrong spoils certificates and waits."""
    try:
        told = session.client.answer(VALIDATE_MANAGEMENT_KEY.request()).headers.get("date", "")
        away = abs(time.time() - parsedate_to_datetime(told).timestamp())
    except (XAIError, ValueError) as error:
        return Check("note", "clock", f"it cannot be compared with xAI's ({error or 'no time in the answer'})")
    if away > LARGEST_DRIFT:
        return Check("wrong", "clock", f"it is {in_words(away)} away from xAI's: set it, by NTP for instance")
    return Check("ok", "clock", "as xAI's")


def _management(session: Session) -> Iterator[Check]:
    began = time.time()
    try:
        key = session.run(call(VALIDATE_MANAGEMENT_KEY.request()))
    except XAIError as error:
        yield Check("wrong", "management key", str(error))
        return
    allowed = f", may {', '.join(key.acls)}" if key.acls else ""
    yield Check("ok", "management key", f"{key.name or 'works'}{allowed} ({(time.time() - began) * 1000:.0f} ms)")
    yield _tried(
        "collections",
        session,
        lambda: session.run(call(LIST_COLLECTIONS.request(limit=1, team_id=session.team_id))),
        "can be listed",
    )


def _tried(check: str, session: Session, try_it: Callable[[], object], found: str) -> Check:
    try:
        try_it()
    except XAICredentialError as error:
        return Check("note", check, f"{error}. Searches, replacing and pruning need it")
    except XAIError as error:
        return Check("wrong", check, str(error))
    return Check("ok", check, found)


def _triggerer() -> Iterator[Check]:
    """Look for a triggerer, if tasks wait there unless told otherwise."""
    if find_spec("airflow") is None:
        return
    from airflow.configuration import conf

    if not conf.getboolean("operators", "default_deferrable", fallback=False):
        return
    try:
        from airflow.jobs.job import most_recent_job

        job = most_recent_job("TriggererJob")
        is_alive = job is not None and job.is_alive()
    except Exception as error:  # of the database, which is not in reach of every machine
        yield Check("note", "triggerer", f"it cannot be told whether one runs ({type(error).__name__})")
        return
    if is_alive:
        yield Check("ok", "triggerer", "one runs")
    else:
        yield Check("wrong", "triggerer", "default_deferrable is on and none runs: start one with airflow triggerer")


def _storages() -> Iterator[Check]:
    for scheme, (module, package) in STORAGES.items():
        if find_spec(module) is None:
            yield Check("note", "storage", f"{scheme} is not known here; pip install '{package}' for it")
        else:
            yield Check("ok", "storage", f"{scheme} is known")
