"""The keys that a command works with: those of an Airflow connection, or of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.ensuring import find_collection
from airflow_provider_xai_collections.api.protocol import Flow, Host, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAINotFoundError

T = TypeVar("T")

#: Variables of the environment: the two keys, the hosts if they are not xAI's, the team if the keys do not say.
MANAGEMENT_KEY, API_KEY = "XAI_MANAGEMENT_API_KEY", "XAI_API_KEY"
MANAGEMENT_HOST, API_HOST = "XAI_MANAGEMENT_HOST", "XAI_API_HOST"
TEAM = "XAI_TEAM_ID"
_KEYS = {Host.MANAGEMENT: MANAGEMENT_KEY, Host.API: API_KEY}
#: Retries where somebody looks at the screen.
_FEW = RetryPolicy(attempts=3, budget=20.0)


@dataclass(frozen=True, slots=True)
class Session:
    """A client with its keys; it runs flows, as the hook does.

    :param team_id: the team to act for; ``None`` lets the key decide.
    """

    client: Client
    team_id: str | None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @property
    def origin(self) -> str:
        """Where the keys are from, for messages."""
        return self.client.settings.origin

    def run(self, flow: Flow[T]) -> T:
        """Run one flow to its end."""
        return self.client.run(flow)

    def run_many(self, flows: Iterable[Flow[T] | None], *, concurrency: int) -> Iterator[tuple[int, T | XAIError]]:
        """Run flows side by side, and yield the position and the value or error of each as it ends."""
        return self.client.run_many(flows, concurrency=concurrency)

    def find(self, name: str) -> Collection | None:
        """Return a collection by its name, or by its id; ``None`` if there is neither.

        :raises XAIAmbiguousNameError: several have the name.
        """
        if (found := self.run(find_collection(name, team_id=self.team_id))) is not None:
            return found
        try:
            return self.run(call(GET_COLLECTION.request(collection_id=name, team_id=self.team_id)))
        except (XAINotFoundError, XAIArgumentError):
            return None

    def existing(self, name: str) -> Collection:
        """Return a collection by its name or id.

        :raises XAIArgumentError: there is none.
        """
        if (found := self.find(name)) is None:
            raise XAIArgumentError(
                f"no collection has the name or id {name!r}, with the keys of {self.origin}. See which there are with "
                "xai-collections ls"
            )
        return found


def open_session(conn_id: str | None, team_id: str | None = None, *, patient: bool = False) -> Session:
    """Return a session with the keys of an Airflow connection, or of the environment.

    :param conn_id: the connection; ``None``: the environment, if it has a key, else the connection that Airflow would
        take.
    :param patient: repeat calls that fail as tasks do, for a quarter of a minute and longer; otherwise a few times.
    :raises XAIArgumentError: there are no keys.
    """
    environment = _from_environment(os.environ) if conn_id is None else None
    settings, default_team = environment or _from_airflow(conn_id or DEFAULT_CONN_ID)
    if not patient:
        settings = replace(settings, retries=_FEW)
    return Session(Client(settings), team_id or default_team)


def _from_environment(given: Mapping[str, str]) -> tuple[ClientSettings, str | None] | None:
    management_key, api_key = given.get(MANAGEMENT_KEY), given.get(API_KEY)
    if not (management_key or api_key):
        return None
    defaults = ClientSettings()
    settings = ClientSettings(
        origin="the environment",
        management=Service(_url(given.get(MANAGEMENT_HOST)) or defaults.management.url, management_key),
        api=Service(_url(given.get(API_HOST)) or defaults.api.url, api_key),
        missing_key=lambda host: f"set {_KEYS[host]} in the environment",
    )
    return settings, given.get(TEAM) or None


def _url(host: str | None) -> str | None:
    return host if not host or "://" in host else f"https://{host}"


def _from_airflow(conn_id: str) -> tuple[ClientSettings, str | None]:
    # Or the command would not see the connections of Airflow 3's database; `airflow connections test` does the same.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:
        from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

        hook = XAICollectionsHook(conn_id)
        return hook.client.settings, hook.team_id
    except XAIError:
        raise
    except Exception as error:  # Airflow's own for a name that nobody knows, or of what it found under that name
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        if variable in os.environ:
            # The value may hold keys, and the error may quote it.
            raise XAIArgumentError(
                f"{variable} in the environment cannot be read ({type(error).__name__}). It must be a URI, or JSON "
                "with conn_type, host, password and extra"
            ) from None
        raise XAIArgumentError(
            f"Airflow has no connection {conn_id!r} that it can read ({type(error).__name__}). Add it, name "
            f"another with --conn-id, or set {MANAGEMENT_KEY} and {API_KEY}"
        ) from None
