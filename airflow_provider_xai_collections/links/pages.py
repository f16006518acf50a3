"""Addresses of this provider's pages in Airflow's UI."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from airflow.providers.common.compat.sdk import conf
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_3_PLUS

#: The path of the pages, below Airflow's, and their name in the address of the page of Airflow that they are in.
PAGES_PATH, URL_ROUTE = "/xai-collections", "xai-collections"
#: Whether a page can be linked to: before 3.3, such an address opens the first page.
CAN_BE_LINKED = AIRFLOW_V_3_3_PLUS


def airflow_path() -> str:
    """Return the path of Airflow's base URL, without a slash at its end: nothing, in most installations."""
    base_url: str = conf.get("api", "base_url", fallback="")
    return urlsplit(base_url).path.rstrip("/")


def page_of(collection_id: str | None, collection_name: str | None, conn_id: str) -> str:
    """Return the address of the page of a collection, or of the first page if it has neither id nor name.

    :param conn_id: the connection that the page uses.
    """
    from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID

    if collection_id:
        page = f"c/{quote(collection_id, safe='')}"
    elif collection_name:
        page = f"named/{quote(collection_name, safe='')}"
    else:
        page = ""
    query = "" if conn_id == DEFAULT_CONN_ID else f"?{urlencode({'conn': conn_id})}"
    base = airflow_path()  # once for Airflow's page, and once for ours, whose address is a part of that
    return f"{base}/plugin/{URL_ROUTE}{base}{PAGES_PATH}/{page}{query}"
