"""Each kind of trouble with the server is told in words of its own, without what surrounds the server's."""

from __future__ import annotations

import pytest
import redis
from redis.exceptions import AuthenticationError, MovedError, NoPermissionError, RedisError, ResponseError
from redis.sentinel import MasterNotFoundError

from producer.connection.words import KINDS, cure_of, words_of

RIGHT = "User reader has no permissions to run the 'script|load' command"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (redis.ConnectionError("Error 111 connecting to localhost:6379. Connection refused."), "connection refused"),
        (
            redis.ConnectionError("Error 2 connecting to unix:/nowhere/s.sock. No such file or directory."),
            "there is no such socket",
        ),
        (
            redis.ConnectionError("Error 13 connecting to unix:/s. Permission denied."),
            "no permission to use this socket",
        ),
        (
            redis.ConnectionError("Error -2 connecting to h.invalid:6379. Name or service not known."),
            "there is no host of this name",
        ),
        (redis.ConnectionError("label too long"), "there is no host of this name"),
        (
            redis.ConnectionError("Error -3 connecting to h:6379. Temporary failure in name resolution."),
            "the host's name cannot be looked up now",
        ),
        (redis.ConnectionError("Error 113 connecting to h:1. No route to host."), "there is no way to this host"),
        (redis.TimeoutError("Timeout connecting to server"), "timeout: no answer"),
        (redis.TimeoutError("Timeout reading from socket"), "timeout: no answer"),
        (redis.ConnectionError("Connection closed by server."), "the server closed the connection"),
        (
            redis.ConnectionError("Error while reading from h:1 : (104, 'Connection reset by peer')"),
            "the server closed the connection",
        ),
        (redis.exceptions.InvalidResponse('Protocol error, got "H" as reply type byte'), "this is no Redis"),
        (
            redis.ConnectionError(
                "Error 1 connecting to h:1. [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)"
            ),
            "the server speaks no TLS",
        ),
        (
            redis.ConnectionError(
                "Error 1 connecting to h:1. [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                "self-signed certificate (_ssl.c:1006)."
            ),
            "the server's certificate is not trusted (certificate verify failed: self-signed certificate)",
        ),
        (
            AuthenticationError("invalid username-password pair or user is disabled."),
            "wrong user name or password",
        ),
        (AuthenticationError("Authentication required."), "authentication required"),
        (ResponseError("Protocol error: unauthenticated multibulk length"), "authentication required"),
        (ResponseError("DB index is out of range"), "there is no database of this number"),
        (ResponseError("SELECT is not allowed in cluster mode"), "a cluster has only database 0"),
        (redis.exceptions.ClusterDownError("Hash slot not served"), "the cluster does not serve all keys"),
        (redis.exceptions.ClusterDownError("The cluster is down"), "the cluster does not serve all keys"),
        (
            ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
            "the server cannot write to its disk",
        ),
        (
            redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
            "the server's memory is full (maxmemory)",
        ),
        (
            redis.exceptions.ReadOnlyError("You can't write against a read only replica."),
            "this is a replica, which takes no writes",
        ),
        (
            redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
            "the server is loading its data",
        ),
        (redis.ConnectionError("max number of clients reached"), "the server takes no more clients"),
        (
            ResponseError("Protocol error: invalid bulk length"),
            "the server or its proxy takes no request of this size (Protocol error: invalid bulk length)",
        ),
        (NoPermissionError(RIGHT), RIGHT.replace("User", "user")),
        (
            NoPermissionError(f"ACL failure in script: {RIGHT} script: 8a0f, on @user_script:15."),
            RIGHT.replace("User", "user"),
        ),
        (
            NoPermissionError(f"Command # 1 (XADD {{ns}}:wal) of pipeline caused error: {RIGHT}"),
            RIGHT.replace("User", "user"),
        ),
        (
            MasterNotFoundError("no master 'm' was found (sentinel h:1: connection refused)"),
            "no master 'm' was found (sentinel h:1: connection refused)",
        ),
        (ResponseError("WRONGTYPE Operation against a key"), "WRONGTYPE Operation against a key"),
        (redis.TimeoutError(), "timeout: no answer"),
        (RedisError(), "RedisError"),
    ],
)
def test_the_words_for_an_error(error: RedisError, words: str) -> None:
    assert words_of(error) == words


def test_every_kind_has_words_and_a_cure_of_its_own_or_shares_it() -> None:
    words = [kind.words for kind in KINDS]
    assert len(set(words)) == len(words)
    for kind in KINDS:
        assert cure_of(f"localhost:6379: {kind.words}") == kind.cure
        assert not kind.words.endswith(".")
    assert cure_of("localhost:6379: WRONGTYPE Operation against a key") is None
    assert cure_of(words_of(MovedError("5649 127.0.0.1:7001"))) is None
