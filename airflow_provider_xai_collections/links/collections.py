"""The link from a task to xAI's console, or to the emulator that it talks to."""

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
    """Link to the collections of the team that a task works for, from the task's first moments on.

    Where the connection leads to this machine, there is an emulator, and the link leads to its requests.
    """

    name = "xAI collections"
    key: ClassVar[str] = "xai_collections_link"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Context, team_id: str | None, service: Service) -> None:
        """Push the link to XCom, before the task waits.

        On Airflow 3 under the link's own key as well: the web server reads only that, and Airflow would push it only at
        the end of the task, or when it is deferred.

        :param service: the one that manages collections.
        """
        console = CONSOLE.format(team=quote(team_id or "default", safe=""))
        url = EMULATOR.format(url=service.url.rstrip("/")) if service.is_loopback else console
        for key in filter(None, (cls.key, getattr(cls(), "xcom_key", None))):
            context["ti"].xcom_push(key=key, value=url)
