"""redis-py's and the server's errors in words: each kind of trouble in its own, with its cure, without passwords."""

import re
from typing import NamedTuple

from redis.exceptions import AskError


class Kind(NamedTuple):
    """A kind of trouble: our words for it; what redis-py or the server says (a regex, its group is a detail that
    stays; so does a text that has our words already); what an operator does."""

    words: str
    said: str
    cure: str


START = "start that server, or name another: --url, WAL_URL"
ACCOUNT = "use an account that has them: projector acl"
_UNKNOWN = "name or service not known|nodename nor servname|no address associated|'idna'|label (?:too|empty)"
_CLOSED = "connection closed|connection reset|broken pipe|eof occurred|unexpected.eof|error while reading"
_UNTRUSTED = r"(certificate verify failed.*?)\.? \(_ssl"
_AUTHORITY = "name the host as its certificate does, and its authority in the URL: ?ssl_ca_certs=FILE"
_NEEDED = "put user and password into the URL: redis://user:password@host, or name a --password-file"

KINDS = (
    Kind("the URL's ", "^the URL's ", "correct that part"),
    Kind("no master ", "^no master ", "correct the sentinels and the master's name in the URL, or start them"),
    Kind("the password file ", "^the password file ", "repair it, or name another: --password-file"),
    Kind("connection refused", "connection refused", START),
    Kind("there is no such socket", "^no such file or directory", START),
    Kind("no permission to use this socket", "^permission denied", "become a user who may use it, or name a port"),
    Kind("there is no host of this name", _UNKNOWN, "correct the host in the URL"),
    Kind("the host's name cannot be looked up now", "temporary failure in name", "look after DNS, then try again"),
    Kind("there is no way to this host", "no route to host|network is unreachable", "look after the network"),
    Kind("timeout: no answer", "timeout|timed out", "look after the server; if it speaks no TLS, write redis://"),
    Kind("the server closed the connection", _CLOSED, "look after the server; if it speaks TLS, write rediss://"),
    Kind("this is no Redis", "protocol error, got", "correct host and port in the URL"),
    Kind("the server speaks no TLS", "wrong.version.number|record layer failure", "begin the URL with redis://"),
    Kind("the server's certificate is not trusted", _UNTRUSTED, _AUTHORITY),
    Kind(
        "wrong user name or password", "username.*password|invalid password", "correct the URL, or the password file"
    ),
    Kind("the server asks for no password", "without any password configured", "give none"),
    Kind("authentication required", "authentication required|unauthenticated", _NEEDED),
    Kind("has no permissions to ", "has no permissions to ", ACCOUNT),
    Kind("this account may not run a command of the script", "executing the script can't run", ACCOUNT),
    Kind("there is no database of this number", "db index|invalid database", "correct it at the end of the URL"),
    Kind("a cluster has only database 0", "select is not allowed in cluster mode", "end the URL with /0"),
    Kind("the cluster does not serve all keys", "hash slot not served|cluster is down", "look after its nodes"),
    Kind("this is no Sentinel", "unknown command .?sentinel", "correct hosts and ports in the URL"),
    Kind("protected mode", "protected mode", "give the server a password, or let it: protected-mode no"),
    Kind("the server takes no more clients", "max number of clients", "raise its maxclients, or end clients"),
    Kind("the server is loading its data", "loading the dataset", "try again in a moment"),
    Kind("the server's memory is full (maxmemory)", "used memory > 'maxmemory'", "raise its maxmemory"),
    Kind("the server cannot write to its disk", "^misconf", "make room on its disk, and read its log"),
    Kind("this is a replica, which takes no writes", "read only replica", "name the master, or its Sentinel"),
    Kind("the server or its proxy takes no request of this size", "(protocol error.*)", "raise proto-max-bulk-len"),
)
"""In the order in which they are tried, in any case of letters. docs/operations.md has them all."""

_SAID = [(kind.words, re.compile(kind.said, re.IGNORECASE)) for kind in KINDS]

_AROUND = re.compile(
    r"^Error (?:-?\d+ )?(?:while )?connecting to (?:unix socket: )?\S+\. (?=\S)"  # the place is named anyway
    r"|^Command # \d+ .*? of pipeline caused error: |^ACL failure in script: |,? script: (?:\w+, )?on @\w+:\d+\.?"
)
"""What redis-py and the server put around a reason."""


def words_of(error: BaseException) -> str:
    """What went wrong, for a person."""
    if isinstance(error, AskError):  # its text is a slot's number and an address
        return "found a node of a cluster, whose data is elsewhere: pass its URL, or a RedisCluster client"
    text = _AROUND.sub("", str(error).strip()) or type(error).__name__
    for words, said in _SAID:
        if words in text:
            break
        if found := said.search(text):
            return f"{words} ({found[1]})" if said.groups and found[1] else words
    if text[1:2].islower() and " " in text:  # neither WRONGTYPE nor an error's name
        text = text[0].lower() + text[1:]
    return text


def cure_of(text: str) -> str | None:
    """What an operator does about a text that holds one of `words_of`; None if nothing is known to help."""
    return next((kind.cure for kind in KINDS if kind.words in text), None)
