"""URLs of servers: which part of one is wrong, and how one is shown, both without its password."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_SCHEME = re.compile(r"(redis|rediss|unix|sentinel|cluster)://")
_DATABASE = re.compile(r"/?|/[0-9]+/?")
_HOST = "a name, or an address; that of IPv6 in [ ]"
_ENCODED = "%2F for /, %3F for ?, %23 for #, %25 for %"


class WrongPart(ValueError):
    """A `part` of a URL is not as `expected`; quotes nothing of the URL, of which anything may be a password."""

    def __init__(self, part: str, expected: str) -> None:
        super().__init__(f"the URL's {part}: expected {expected}")


def check_url(url: str) -> None:
    """Raises WrongPart for what redis-py would take for something else, or refuse without saying which part it is."""
    scheme = _SCHEME.match(url)
    if not scheme:
        raise WrongPart("scheme", "redis://, rediss://, unix://, sentinel:// or cluster://")
    if "#" in url or re.search("%(?![0-9A-Fa-f]{2})", url):
        raise WrongPart("user name, password or path", _ENCODED)
    if scheme[1] in ("sentinel", "cluster"):  # `SentinelUrl` and `cluster_url` judge the rest
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        raise WrongPart("host", _HOST) from None
    account, at, host = parts.netloc.rpartition("@")
    if scheme[1] == "unix":
        if host or not parts.path.strip("/"):
            raise WrongPart("path", "unix:///path/of/the/socket")
        return
    if "@" in parts.path or (not at and "@" in parts.query):
        raise WrongPart("user name or password", _ENCODED)
    if host or account:  # else it is localhost
        check_address(host)
    if not _DATABASE.fullmatch(parts.path):
        raise WrongPart("database", "a number behind the host, such as /0")


def check_address(text: str) -> tuple[str, int | None]:
    """The host and the port (None: none is given) of `host:port`. Raises WrongPart."""
    try:
        address = urlsplit(f"//{text}")
        host = address.hostname
    except ValueError:
        host = None
    if not host:
        raise WrongPart("host", _HOST)
    try:
        port = address.port
    except ValueError:
        port = 0
    if port == 0:
        raise WrongPart("port", "a number from 1 to 65535")
    return host, port


def address_of(host: str, port: int) -> str:
    """`host:port`, as `check_address` takes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def with_password_file(url: str, file: str) -> str:
    """`url`, whose password stands in `file`."""
    return f"{url}{'&' if '?' in url else '?'}password_file={quote(file)}"


def safe_url(url: str) -> str:
    """`url` without its password, however badly it is written."""
    hidden = _PASSWORD_OPTION.sub(r"\1***", url)
    scheme, account, rest = _ACCOUNT.fullmatch(hidden).groups()  # type: ignore[union-attr]  # fits any text
    if account is None or _USER.fullmatch(account):
        return hidden
    user = account.partition(":")[0]
    return f"{scheme}{user if _USER.fullmatch(user) else ''}:***@{rest}"


_PASSWORD_OPTION = re.compile(r"([?&][^=&]*password=)[^&]*", re.IGNORECASE)
_ACCOUNT = re.compile(r"([a-z]+:/+|)(?:(.*)@)?(.*)", re.IGNORECASE | re.DOTALL)
_USER = re.compile(r"[\w.-]*")
