"""Addresses of the pages, of their files, and of pages of Airflow."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID

#: What stands in a path of Airflow as it is: such paths are encoded already.
_IN_PATHS = "/%~:@!$&'()*+,;=?#"


class Addresses:
    """Addresses below those of our app and of Airflow. None of them leads anywhere else, whatever the parts are.

    :param base: path of our app, such as ``/xai-collections``.
    :param airflow: path of Airflow's base URL; often nothing.
    :param conn_id: the connection that all of them keep, unless it is the default.
    """

    def __init__(self, base: str, airflow: str, conn_id: str) -> None:
        self._base = base.rstrip("/")
        self._airflow = airflow.rstrip("/")
        self.conn = "" if conn_id == DEFAULT_CONN_ID else conn_id

    def __call__(self, *parts: str, **query: object) -> str:
        """Return the address of a page; ``query`` without what is empty."""
        return self.form(*parts) + self._query("", query)

    def form(self, *parts: str) -> str:
        """Return the address that a form is sent to: its fields are the query."""
        return f"{self._base}/{'/'.join(quote(part, safe='') for part in parts)}"

    def below(self, path: str) -> str:
        """Return the address of a page whose path is given in one piece, perhaps with a query."""
        given = urlsplit(f"/{path.lstrip('/')}")
        fragment = f"#{quote(given.fragment)}" if given.fragment else ""
        return f"{self._base}{_safe(given.path)}{self._query(given.query, {})}{fragment}"

    def static(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self._base}/static/{quote(name)}"

    def in_airflow(self, path: str) -> str:
        """Return the address of a page of Airflow."""
        return self._airflow + _safe(path)

    def _query(self, given: str, more: dict[str, object]) -> str:
        filled = {name: value for name, value in more.items() if value not in ("", None)}
        parts = (_safe(given).lstrip("/"), urlencode(filled | ({"conn": self.conn} if self.conn else {})))
        query = "&".join(filter(None, parts))
        return f"?{query}" if query else ""


def _safe(path: str) -> str:
    """Return a path that begins with one slash: two of them, or a backslash, would name another host."""
    return "/" + quote(path, safe=_IN_PATHS).lstrip("/")
