"""Redis behind Sentinel, by URL: a client of the present master, before and after a failover.

    sentinel://[user:password@]host[:26379],host[:26379]/master-name[?db=0&ssl=true&ssl_ca_certs=…
               &sentinel_username=…&sentinel_password=…]

User and password before the hosts are the master's; those of the sentinels are options. `ssl` and the options that
begin with `ssl_` hold for master and sentinels. Special characters are percent-encoded, as in every URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from producer.connection.url import WrongPart, check_address
from producer.connection.words import words_of

SCHEME = "sentinel://"
DEFAULT_PORT = 26379

_URL = re.compile(rf"{SCHEME}(?:([^/?#]*)@)?([^/?#@]+)/([^/?#]+)(?:\?([^#]*))?")
"""Account, hosts, master's name, and options."""

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
        """The parts of `url`; raises WrongPart for a URL of another form."""
        parts = _URL.fullmatch(url)
        if parts is None:
            named = re.search(r"[^/]/[^/?#]", url.removeprefix(SCHEME))
            raise WrongPart("hosts" if named else "master's name", f"{SCHEME}host:26379,host:26379/master-name")
        account, hosts, master, query = parts.groups(default="")
        master_options, sentinel_options = _options(query)
        return cls(
            sentinels=tuple(_address(host) for host in hosts.split(",")),
            master=unquote(master),
            master_options=_account(account) | master_options,
            sentinel_options=sentinel_options,
        )


def connection_options(timeout: float) -> dict[str, Any]:
    """redis-py's options for connections that repeat nothing, and wait `timeout` seconds for the server."""
    return {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }


def sentinel_client(url: str, *, timeout: float) -> redis.Redis:
    """A client that asks the sentinels for the master whenever it connects. Sends nothing, repeats nothing.

    The client waits `timeout` seconds for a reply of the master; to ask all the sentinels takes no longer either.
    Raises ValueError or TypeError for a URL that cannot be used.
    """
    named = SentinelUrl.parse(url)
    patience = timeout / len(named.sentinels)
    asking = connection_options(patience) | named.sentinel_options
    sentinels: Sentinel = _Sentinels(named.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinels.master_for(named.master, **connection_options(timeout), **named.master_options)
    return client


class _Sentinels(Sentinel):
    """redis-py's Sentinel, but its errors tell each sentinel's answer, and it keeps no connections to sentinels."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """(host, port) of the master; raises MasterNotFoundError, a ConnectionError: waiting may repair that."""
        reasons = []
        for sentinel in tuple(self.sentinels):
            try:
                # redis-py asks SENTINEL MASTERS, which names the old master until a failover is wholly done.
                address: Any = sentinel.sentinel_get_master_addr_by_name(service_name)
                reason = "knows no master of that name"
            except (Disconnected, TimedOut, ResponseError) as error:
                address, reason = None, words_of(error)
            finally:
                # The next question comes with the next failover. Other threads keep the connections they are using.
                sentinel.connection_pool.disconnect(inuse_connections=False)
            if address:
                self.sentinels = [sentinel, *(other for other in self.sentinels if other is not sentinel)]
                host, port = address
                return host if isinstance(host, str) else host.decode(), int(port)
            options = sentinel.connection_pool.connection_kwargs
            reasons.append(f"sentinel {options['host']}:{options['port']}: {reason}")
        raise MasterNotFoundError(f"no master {service_name!r} was found ({'; '.join(reasons)})")


def _address(text: str) -> tuple[str, int]:
    host, port = check_address(text)  # of one host: urlsplit refuses several if one is an IPv6 address in brackets
    return host, DEFAULT_PORT if port is None else port


def _account(text: str) -> dict[str, Any]:
    user, _, password = text.partition(":")
    return {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}


def _options(query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(options of the master's connections, those of the sentinels')."""
    for_master: dict[str, Any] = {}
    for_sentinels: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        if name == "db" and text.isdecimal():
            for_master[name] = int(text)
        elif name == "password_file":
            for_master[name] = text
        elif name in ("sentinel_username", "sentinel_password"):
            for_sentinels[name.removeprefix("sentinel_")] = text
        elif name in _BOOLEAN_OPTIONS and text.lower() in _BOOLEANS:
            for_master[name] = for_sentinels[name] = _BOOLEANS[text.lower()]
        elif name.startswith("ssl_") and name not in _BOOLEAN_OPTIONS:
            for_master[name] = for_sentinels[name] = text
        else:
            is_known = name == "db" or name in _BOOLEAN_OPTIONS
            raise ValueError(f"{'invalid value for' if is_known else 'unexpected argument'} {name!r}")
    return for_master, for_sentinels
