"""Settings of a client: where the two services are, which key goes where, time-outs and retries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.exceptions import XAIArgumentError

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Service:
    """One of the two services: its address, and the key that is sent there and nowhere else.

    :raises XAIArgumentError: the address is neither https nor loopback, or the key cannot stand in a header.
    """

    url: str
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self._may_get_a_key():
            shown = self.url.rpartition("@")[2]
            raise XAIArgumentError(
                f"the host {shown!r} is refused: a key is only sent over https, or over http to "
                f"{', '.join(LOOPBACK_NAMES)}. Write it as https://name[:port]"
            )
        if self.key and not (self.key.isascii() and self.key.isprintable() and " " not in self.key):
            raise XAIArgumentError(
                f"the key for {self.url} contains a blank, a line break or a character outside ASCII. "
                "Copy it again into the connection"
            )

    @property
    def is_loopback(self) -> bool:
        parts = urlsplit(self.url)
        return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK_NAMES

    @property
    def place(self) -> str:
        """Its host and port, for messages."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    def _may_get_a_key(self) -> bool:
        try:
            parts = urlsplit(self.url)
            _ = parts.port  # reading it checks it
        except ValueError:
            return False
        # Programs differ in what they make of these.
        plain = parts.hostname and not (set("@\\% ") & set(parts.netloc) or parts.query or parts.fragment)
        return bool(plain) and (parts.scheme == "https" or self.is_loopback)


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Everything a client needs to know.

    :param management: the service that manages collections.
    :param api: the service for files and search.
    :param request_timeout: seconds that one exchange may go without a byte in either direction.
    :param connect_timeout: seconds to open a connection.
    :param pool_timeout: seconds to wait for a free connection.
    :param connections: size of a connection pool. An ``AsyncClient`` has one, a ``Client`` one for each thread that
        uses it.
    :param retries: of a single call.
    :param origin: where all this is from, for messages, such as ``the connection 'xai_collections_default'``.
    :param missing_key: says where a missing key belongs, for the error message.
    """

    management: Service = Service("https://management-api.x.ai")
    api: Service = Service("https://api.x.ai")
    request_timeout: float = 60.0
    connect_timeout: float = 10.0
    pool_timeout: float = 60.0
    connections: int = 32
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    origin: str = "the connection"
    missing_key: Callable[[Host], str] = field(
        default=lambda host: f"configure the {host.key_name}", compare=False, repr=False
    )

    @property
    def answer_timeout(self) -> float:
        """Seconds for the body of an answer to arrive: a peer that sends a byte now and then is never silent."""
        return 10 * self.request_timeout

    def service(self, host: Host) -> Service:
        return self.management if host is Host.MANAGEMENT else self.api
