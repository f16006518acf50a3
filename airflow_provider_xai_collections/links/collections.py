"""The link from a task to its collection: our page in Airflow, xAI's console, or the emulator that it talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, TaskInstanceKey

    from airflow_provider_xai_collections.client.settings import Service

#: The console's list of a team's collections. The path of one collection's own page is not documented.
CONSOLE = "https://console.x.ai/team/{team}/collections"
#: The emulator's list of the requests that it has answered.
EMULATOR = "{url}/_emulator/requests"


class XAICollectionLink(BaseOperatorLink):
    """Link to the collection of a task, from the task's first moments on.

    From Airflow 3.3 on it leads to the collection's page in Airflow. Before, it leads to the team's collections in
    xAI's console; or, where the connection leads to this machine, to the requests that the emulator has answered.
    """

    name = "xAI collections"
    key: ClassVar[str] = "xai_collections_link"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Context, url: str) -> None:
        """Push the link to XCom, before the task waits.

        On Airflow 3 under the link's own key as well: the web server reads only that, and Airflow would push it only at
        the end of the task, or when it is deferred.
        """
        for key in filter(None, (cls.key, getattr(cls(), "xcom_key", None))):
            context["ti"].xcom_push(key=key, value=url)


def outside_airflow(team_id: str | None, service: Service) -> str:
    """Return the address of xAI's console, or of what the emulator was asked.

    :param service: the one that manages collections.
    """
    if service.is_loopback:
        return EMULATOR.format(url=service.url.rstrip("/"))
    return CONSOLE.format(team=quote(team_id or "default", safe=""))
