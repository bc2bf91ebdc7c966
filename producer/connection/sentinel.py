"""Redis behind Sentinel, by URL: a client of the present master, before and after a failover.

    sentinel://[user:password@]host[:26379],host[:26379]/master-name[?db=0&ssl=true&ssl_ca_certs=…
               &sentinel_username=…&sentinel_password=…]

User and password before the hosts are the master's; those of the sentinels are options. `ssl` and the options that
begin with `ssl_` hold for master and sentinels. Special characters are percent-encoded, as in every URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

SCHEME = "sentinel://"
DEFAULT_PORT = 26379

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BOOLEAN_OPTIONS = frozenset({"ssl", "ssl_check_hostname"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelUrl:
    """The parts of the URL: the sentinels, the name by which they know the master, and the options of connections."""

    sentinels: tuple[tuple[str, int], ...]
    master: str
    master_options: dict[str, Any] = field(repr=False)
    sentinel_options: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> SentinelUrl:
        """The parts of `url`; raises ValueError, whose text quotes nothing of the URL, for a URL of another form."""
        parts = urlsplit(url)
        if f"{parts.scheme}://" != SCHEME or parts.fragment:
            raise ValueError(f"no {SCHEME} URL")
        account, _, hosts = parts.netloc.rpartition("@")
        master = unquote(parts.path.removeprefix("/"))
        if not master or "/" in master:
            raise ValueError("no name of a master behind the hosts")
        master_options, sentinel_options = _options(parts.query)
        return cls(
            sentinels=tuple(_hosts(hosts)),
            master=master,
            master_options=_account(account) | master_options,
            sentinel_options=sentinel_options,
        )


def sentinel_client(url: str, *, timeout: float) -> redis.Redis:
    """A client that asks the sentinels for the master whenever it connects. Sends nothing, repeats nothing.

    The client waits `timeout` seconds for a reply of the master; to ask all the sentinels takes no longer either.
    Raises ValueError or TypeError for a URL that cannot be used.
    """
    named = SentinelUrl.parse(url)
    patience = timeout / len(named.sentinels)
    sentinels: Sentinel = _Sentinels(named.sentinels, _connecting(patience) | named.sentinel_options)
    client: redis.Redis = sentinels.master_for(named.master, **_connecting(timeout), **named.master_options)
    return client


class _Sentinels(Sentinel):
    """redis-py's Sentinel, but its errors tell each sentinel's answer, and it keeps no connections to sentinels."""

    def __init__(self, addresses: tuple[tuple[str, int], ...], options: dict[str, Any]) -> None:
        super().__init__(addresses, sentinel_kwargs=options)  # type: ignore[no-untyped-call]

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """(host, port) of the master; raises MasterNotFoundError, a ConnectionError: waiting may repair that."""
        reasons = []
        for sentinel in tuple(self.sentinels):
            try:
                # redis-py asks SENTINEL MASTERS, which names the old master until a failover is wholly done.
                address: Any = sentinel.sentinel_get_master_addr_by_name(service_name)
            except (Disconnected, TimedOut) as error:
                reasons.append(_said(sentinel, str(error)))
                continue
            finally:
                # The next question comes with the next failover. Other threads keep the connections they are using.
                sentinel.connection_pool.disconnect(inuse_connections=False)
            if address:
                self.sentinels = [sentinel, *(other for other in self.sentinels if other is not sentinel)]
                host, port = address
                return host if isinstance(host, str) else host.decode(), int(port)
            reasons.append(_said(sentinel, "knows no master of that name"))
        raise MasterNotFoundError(f"no master {service_name!r} was found ({'; '.join(reasons)})")


def _said(sentinel: redis.Redis, what: str) -> str:
    options = sentinel.connection_pool.connection_kwargs
    return f"sentinel {options['host']}:{options['port']}: {what}"


def _connecting(timeout: float) -> dict[str, Any]:
    return {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }


def _hosts(text: str) -> Iterator[tuple[str, int]]:
    for item in text.split(","):
        address = urlsplit(f"//{item}")
        if not address.hostname:
            raise ValueError("no host where one is expected")
        yield address.hostname, DEFAULT_PORT if address.port is None else address.port


def _account(text: str) -> dict[str, Any]:
    user, _, password = text.partition(":")
    return {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}


def _options(query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(options of the master's connections, those of the sentinels')."""
    for_master: dict[str, Any] = {}
    for_sentinels: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        if name == "db":
            for_master[name] = int(text)
        elif name in ("sentinel_username", "sentinel_password"):
            for_sentinels[name.removeprefix("sentinel_")] = text
        elif name == "ssl" or name.startswith("ssl_"):
            for_master[name] = for_sentinels[name] = _boolean(text) if name in _BOOLEAN_OPTIONS else text
        else:
            raise ValueError("an option that is not known")
    return for_master, for_sentinels


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError("neither true nor false")
    return _BOOLEANS[text.lower()]
