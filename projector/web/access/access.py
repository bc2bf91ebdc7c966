"""What the command line says about who may look."""

from __future__ import annotations

import hmac
import re
import socket
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from producer.errors import InvalidSettings

HOST, PORT = "127.0.0.1", 8379
_HOST = re.compile(r"(?:\[(?P<address>[^\]]*)\]|(?P<name>[^:@]*))(?::[0-9]*)?\Z")
_TOKEN_BYTES = 8
"""A shorter token could be guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the page listens, and whom it answers.

    Everybody if there is neither a `password`, nor a `token_file`, nor a `proxy_header`, which a proxy in front sets
    to the name of a person whom it knows. `hosts` are the names of this page besides the usual ones.
    """

    host: str = HOST
    port: int = PORT
    password: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    proxy_header: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it answers everybody."""
        return not (self.password or self.token_file or self.proxy_header)

    def check(self) -> None:
        """Raises InvalidSettings for an address that others reach while the page is open, and for a bad file."""
        if self.is_open and not is_loopback(self.host):
            raise InvalidSettings(
                f"expected a password, a token file or --trust-proxy-header for {self.host}, which is no loopback "
                "address: others could read the log"
            )
        if self.token_file is not None and not list(self.tokens()):
            raise InvalidSettings(f"{self.token_file}: expected a token a line, found none")

    def tokens(self) -> Iterator[str]:
        """Those in the file, as it is now. Raises InvalidSettings."""
        if self.token_file is None:
            return
        try:
            lines = self.token_file.read_text().split()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text"
            raise InvalidSettings(f"{self.token_file}: expected a file of tokens, found: {reason}") from error
        for token in lines:
            if len(token) < _TOKEN_BYTES:
                raise InvalidSettings(f"{self.token_file}: expected tokens of {_TOKEN_BYTES} characters or more")
            yield token

    def admits(self, authorization: str, person: str) -> bool:
        """Whether somebody may look, by the header Authorization and by that of the proxy, empty if not there."""
        if self.is_open:
            return True
        if self.proxy_header and person:
            return True
        given = _secret_of(authorization).encode()
        secrets = [*([self.password] if self.password else []), *self.tokens()]
        return any(hmac.compare_digest(given, secret.encode()) for secret in secrets)

    def is_named(self, host: str) -> bool:
        """Whether the header Host names this page. A name that somebody else has bound to this address is not: with
        it a page from elsewhere could read this one. An address is, because nobody can bind it."""
        name = _name_in(host)
        if _address_of(name) is not None or name in ("localhost", self.host.lower(), socket.gethostname().lower()):
            return True
        return name in {each.lower() for each in self.hosts}


def is_loopback(host: str) -> bool:
    address = _address_of(host)
    return host == "localhost" if address is None else address.is_loopback


def _address_of(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _name_in(host: str) -> str:
    """`[::1]:80` → `::1`, `Example.org:80` → `example.org`."""
    found = _HOST.match(host)
    return (found["address"] or found["name"]).lower() if found else ""


def _secret_of(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return b64decode(given, validate=True).decode().partition(":")[2]
        except (NoBase64, UnicodeDecodeError):
            return ""
    return ""
