"""The link from a task to xAI's console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, TaskInstanceKey

#: The console's list of a team's collections. The path of one collection's own page is not documented.
CONSOLE = "https://console.x.ai/team/{team}/collections"


class XAICollectionLink(BaseOperatorLink):
    """Link to the collections of the team that a task works for, from the task's first moments on."""

    name = "xAI collections"
    key: ClassVar[str] = "xai_team"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        team = XCom.get_value(key=self.key, ti_key=ti_key)
        return _url(team) if team else ""

    @classmethod
    def persist(cls, context: Context, team_id: str | None) -> None:
        """Push the team to XCom, before the task waits.

        On Airflow 3 the link itself as well: the web server reads only that, and Airflow would push it only at the end
        of the task, or when it is deferred.
        """
        team = team_id or "default"
        context["ti"].xcom_push(key=cls.key, value=team)
        if xcom_key := getattr(cls(), "xcom_key", None):
            context["ti"].xcom_push(key=xcom_key, value=_url(team))


def _url(team: str) -> str:
    return CONSOLE.format(team=quote(team, safe=""))
