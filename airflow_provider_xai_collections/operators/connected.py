"""Base of every task that talks to xAI, operator or sensor: connection, team, collection, link, on_kill."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_xai_collections.airflow_errors import for_operator
from airflow_provider_xai_collections.arguments import optional_text, text_of
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAINotFoundError
from airflow_provider_xai_collections.links.collections import XAICollectionLink, outside_airflow
from airflow_provider_xai_collections.links.pages import CAN_BE_LINKED, page_of
from airflow_provider_xai_collections.on_kill import cancelled, log_from_signal_handler

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import collections as api
    from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
    from airflow_provider_xai_collections.hooks.progress import ProgressMeter


class Connected:
    """A task with a connection. It stands before Airflow's class among the bases."""

    conn_id: str
    team_id: str | None
    log: Any

    #: Whether it is one of several tasks of a run, of which another counts the documents.
    is_part: ClassVar[bool] = False
    operator_extra_links: Collection[Any] = (XAICollectionLink(),)

    def translating(self) -> AbstractContextManager[None]:
        """Make errors Airflow's."""
        return for_operator()

    def pre_execute(self, context: Any) -> None:
        """Keep the link before anything else, so that it is there while the task waits."""
        super().pre_execute(context)  # type: ignore[misc]  # Airflow's
        with self.translating():
            self.read_arguments()
            XAICollectionLink.persist(context, self.link_url())

    def link_url(self) -> str:
        """Return the address that the task's link leads to."""
        management = self.hook.management  # a connection that is wrong fails at once, wherever the link leads to
        if not CAN_BE_LINKED:
            return outside_airflow(self.team, management)
        return page_of(getattr(self, "collection_id", None), getattr(self, "collection_name", None), self.conn_id)

    def read_arguments(self) -> None:
        """Check the arguments, now that templates are rendered, and make text and lists of them.

        :raises XAIArgumentError: one is wrong, naming it.
        """
        self.conn_id = text_of("conn_id", self.conn_id)
        self.team_id = optional_text("team_id", self.team_id)

    @contextmanager
    def at_work(self, context: Any) -> Iterator[None]:
        """Do the work of an attempt: as :meth:`connected`, and show its progress."""
        with self.connected(), self.attempt(context):
            yield

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Read the arguments, make errors Airflow's, and close the connections at the end."""
        with self.translating():
            self.read_arguments()
            with self.hook:
                yield

    def attempt(self, context: Any) -> AbstractContextManager[None]:
        """Push the progress of the block to XCom, and tell how it ended."""
        from airflow_provider_xai_collections.operators.attempt import attempt

        return attempt(self, context)

    def on_kill(self) -> None:
        """End before the next request, and tell what goes on at xAI and what the task does if it runs again."""
        if "hook" in self.__dict__:
            self.hook.cancel()
        log_from_signal_handler(self.log, self.on_kill_message())

    def on_kill_message(self) -> str:
        """Return what whoever cancelled the task should know. A signal may come at any moment: it imports nothing."""
        return cancelled()

    @cached_property
    def hook(self) -> XAICollectionsHook:
        """The hook of the task's connection."""
        from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

        return XAICollectionsHook(self.conn_id)

    @cached_property
    def progress(self) -> ProgressMeter:
        """The progress of the task in this process."""
        from airflow_provider_xai_collections.hooks.progress import ProgressMeter

        return ProgressMeter(
            self.log,
            self.label,
            collection_id=getattr(self, "collection_id", None) or "",
            collection_name=getattr(self, "collection_name", None) or "",
        )

    @property
    def label(self) -> str:
        """The name of what it works on, in messages."""
        return self.conn_id

    @property
    def team(self) -> str | None:
        """The team to act for: the task's, else the connection's; ``None`` lets the key decide."""
        return self.team_id or self.hook.team_id


class OnCollection(Connected):
    """A task on one collection, by its id or its name."""

    collection_id: str | None
    collection_name: str | None

    def read_arguments(self) -> None:
        """Check that the collection is named in one way, beside the other arguments."""
        super().read_arguments()
        if (self.collection_id is None) == (self.collection_name is None):
            raise XAIArgumentError("pass collection_id or collection_name: exactly one of them says which collection")
        if self.collection_id is not None:
            self.collection_id = text_of("collection_id", self.collection_id)
        else:
            self.collection_name = text_of("collection_name", self.collection_name)

    def find_collection(self) -> api.Collection | None:
        """Look the collection up; ``None`` if there is none of the name.

        :raises XAINotFoundError: there is none of the id.
        :raises XAIAmbiguousNameError: several have the name.
        """
        from airflow_provider_xai_collections.api.ensuring import find_collection

        if self.collection_id is not None:
            return self.hook.get_collection(collection_id=self.collection_id, team_id=self.team)
        return self.hook.run(find_collection(str(self.collection_name), team_id=self.team))

    def existing_id(self) -> str:
        """Return the id of the collection, looking its name up if that is how it is named.

        :raises XAINotFoundError: there is none of the name.
        """
        if self.collection_id is not None:
            return self.collection_id
        if (found := self.find_collection()) is None:
            raise XAINotFoundError(
                f"no collection is called {self.collection_name!r}. Check the name and the connection "
                f"{self.conn_id}; XAICreateCollectionOperator creates one",
                status=404,
            )
        self.progress.collection_id = found.collection_id
        return found.collection_id

    @property
    def collection_label(self) -> str:
        """The name of the collection in messages."""
        return str(self.collection_name or self.collection_id)

    @property
    def label(self) -> str:
        return self.collection_label
