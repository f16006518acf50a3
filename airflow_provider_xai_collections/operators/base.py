"""What all operators share: the connection and the team."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.links.collections import XAICollectionLink


class XAICollectionsBaseOperator(BaseOperator):
    """Works with xAI Collections through a connection.

    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    operator_extra_links = (XAICollectionLink(),)

    def __init__(
        self,
        *,
        team_id: str | None = None,
        conn_id: str = XAICollectionsHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.team_id = team_id
        self.conn_id = conn_id

    def pre_execute(self, context: Any) -> None:
        """Before anything else, so that the link is there while the task waits."""
        super().pre_execute(context)
        XAICollectionLink.persist(context, self.team_id)

    @cached_property
    def hook(self) -> XAICollectionsHook:
        return XAICollectionsHook(self.conn_id)

    @property
    def team(self) -> str | None:
        return self.team_id or self.hook.team_id
