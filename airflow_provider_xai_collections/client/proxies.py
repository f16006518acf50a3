"""Proxies that the environment names (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``).

httpx reads them too, but raises errors of many kinds while a client is made, some of which quote a piece of a password,
and refuses what other programs write into ``NO_PROXY``.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from airflow_provider_xai_collections.client.settings import Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.text import printable

_log = logging.getLogger(__name__)

_SOCKS = ("socks5", "socks5h")
_SCHEMES = ("http", "https", *_SOCKS)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the environment variable that names it. The URL may have a password in it, so it is never shown."""

    url: str = field(repr=False)
    setting: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        port = "" if parts.port is None else f":{parts.port}"
        return f"the proxy {printable(parts.hostname or '')}{port} that {self.setting} names"

    def refusal(self, why: str) -> XAIArgumentError:
        """Return the error of one that cannot be used."""
        return XAIArgumentError(
            f"{self.setting} is no address of a proxy: {why}. Write it as http://[user:password@]host:port; in user "
            "and password, write @ as %40, : as %3A, / as %2F and # as %23"
        )


def proxy_for(service: Service) -> Proxy | None:
    """Return the proxy that leads to a service, if one does.

    :raises XAIArgumentError: what the environment names cannot be a proxy, or its kind needs a package that is missing.
    """
    if service.is_loopback:  # a proxy is for the world, not for this machine
        return None
    named = getproxies()
    target = urlsplit(service.url)
    for kind in (target.scheme, "all"):
        if url := named.get(kind):
            if _is_exempt(target, named):
                return None
            return _checked(Proxy(url if "://" in url else f"http://{url}", f"{kind.upper()}_PROXY"))
    return None


def _checked(proxy: Proxy) -> Proxy:
    if (parts := _parts_of(proxy.url)) is None:
        raise proxy.refusal("its port is no number, or its host is none")
    if "@" in parts.path + parts.query + parts.fragment or parts.netloc.count("@") > 1:
        raise proxy.refusal("a character of its user or password ends them too early")
    if parts.scheme not in _SCHEMES:
        raise proxy.refusal(f"it begins with none of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
    if not parts.hostname:
        raise proxy.refusal("it has no host")
    if parts.scheme in _SOCKS and find_spec("socksio") is None:
        raise XAIArgumentError(
            f"{proxy.setting} names a SOCKS proxy, for which the package socksio is missing. Install it on every "
            "worker and triggerer (pip install 'httpx[socks]'), or name a proxy that speaks HTTP (http://host:port)"
        )
    return proxy


def _parts_of(url: str) -> SplitResult | None:
    """Take an address apart; ``None`` if it is none: the error that says so may quote a piece of a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    return parts


def _is_exempt(target: SplitResult, named: Mapping[str, str]) -> bool:
    """Tell whether ``NO_PROXY`` exempts an address. What cannot be read there is skipped."""
    for entry in named.get("no", "").lower().split(","):
        try:
            if entry.strip() and _exempts(entry.strip(), target):
                return True
        except ValueError:
            _warn_of(entry.strip())
    return False


def _exempts(entry: str, target: SplitResult) -> bool:
    """Read one entry: ``*``, a name and those below it, an address or a network; with or without scheme and port."""
    scheme, _, place = entry.rpartition("://")
    host = target.hostname or ""
    if scheme not in ("", "all", target.scheme):
        return False
    if place == "*":
        return True
    try:
        network = ip_network(place.removeprefix("[").removesuffix("]"), strict=False)
    except ValueError:
        parts = urlsplit(f"//{place}")
        if parts.port not in (None, target.port or 443):
            return False
        name = parts.hostname or ""
        bare = name.lstrip("*.")
        return bool(bare) and (host == name or host.endswith(f".{bare}"))
    try:
        return ip_address(host) in network
    except ValueError:
        return False


@functools.cache
def _warn_of(entry: str) -> None:
    """Warn once of each entry: every thread makes a client of its own."""
    _log.warning("NO_PROXY: %s cannot be read and is skipped", printable(repr(entry.rpartition("@")[2])))
