"""Clients made and judged, one command sent once, and redis-py's errors in words without a password."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ChildDeadlockedError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.retry import Retry
from redis.sentinel import Sentinel

from producer import Producer
from producer.connection.client import (
    PasswordFile,
    client_of,
    is_answer,
    is_refusal,
    reason_of,
    where,
)
from producer.connection.url import safe_url, with_password_file
from producer.connection.wire import send_once
from producer.connection.words import words_of
from producer.errors import UnusableServer

SECRET = "hunter2"

# -- from a URL --


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://127.0.0.1:6390/2", "127.0.0.1:6390"),
        ("redis://", "localhost:6379"),
        ("redis://[::1]:6390", "::1:6390"),
        (f"rediss://user:{SECRET}@example.org:6390/0", "example.org:6390"),
        ("unix:///run/a/server.sock?db=3", "/run/a/server.sock"),
    ],
)
def test_a_url_makes_a_client_that_is_ours_and_sends_nothing(url: str, place: str) -> None:
    client, owned = client_of(url)
    assert owned
    assert where(client) == place
    assert SECRET not in repr(client)
    assert isinstance(client, redis.Redis)
    assert client.connection_pool.get_connection_count()[0][0] == 0


def test_a_client_made_here_waits_its_time_and_repeats_nothing() -> None:
    client, _ = client_of("redis://localhost/0", timeout=1.5)
    assert isinstance(client, redis.Redis)
    connection = client.connection_pool.make_connection()
    assert isinstance(connection, redis.Connection)
    assert (connection.socket_timeout, connection.socket_connect_timeout) == (1.5, 1.5)
    assert connection.retry == Retry(NoBackoff(), 0)


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@localhost:6379/0",
        f"user:{SECRET}@localhost:6379/0",
        f"redis:/user:{SECRET}@localhost:6379/0",
        f"redis://:{SECRET}@localhost:port/0",
        f"redis://:{SECRET}@localhost:99999/0",
        f"redis://:{SECRET}@localhost/production",
        f"redis://:{SECRET}@[::1/0",
        f"redis://:{SECRET}@localhost/0?no_such_option=1",
        f"redis://localhost/0?password={SECRET}&socket_timeout=soon",
        f"redis://:a/{SECRET}@localhost:6379/0",
        f"redis://user:{SECRET}:6379:6379:{SECRET}@/production",
        "localhost:6379",
        "",
    ],
)
def test_a_wrong_url_is_refused_at_once_and_its_password_never_shown(url: str) -> None:
    """Neither in the text nor in what a traceback prints below it."""
    with pytest.raises(UnusableServer) as refused:
        Producer(url)
    printed = "".join(traceback.format_exception(refused.value))
    assert "producer.errors.UnusableServer: " in printed
    assert SECRET not in printed


def test_a_url_that_asks_for_decoded_responses_is_refused() -> None:
    with pytest.raises(UnusableServer, match="decode_responses"):
        client_of("redis://localhost/0?decode_responses=true")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user@localhost/0", "redis://user@localhost/0"),
        (f"redis://user:{SECRET}@localhost/0", "redis://user:***@localhost/0"),
        (f"rediss://:{SECRET}@localhost", "rediss://:***@localhost"),
        (f"redis://user:{SECRET}/?#@{SECRET}@localhost/0", "redis://user:***@localhost/0"),
        (f"user:{SECRET}@localhost", "user:***@localhost"),
        (f"unix:///run/s?password={SECRET}&db=1", "unix:///run/s?password=***&db=1"),
        (f"redis://h/0?db=1&PASSWORD={SECRET}", "redis://h/0?db=1&PASSWORD=***"),
        (f"rediss://h/0?ssl_password={SECRET}", "rediss://h/0?ssl_password=***"),
    ],
)
def test_a_url_is_shown_without_its_password_and_otherwise_as_it_is(url: str, safe: str) -> None:
    assert safe_url(url) == safe


def test_without_a_url_the_variable_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAL_URL", "redis://example.org:6390/1")
    assert where(client_of(None)[0]) == "example.org:6390"


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_url_and_a_variable_nobody_goes_looking(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("WAL_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("WAL_URL", value)
    with pytest.raises(UnusableServer, match="WAL_URL"):
        client_of(None)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost", "scheme: expected redis://, rediss://, unix://, sentinel:// or cluster://"),
        ("localhost:6379", "scheme: expected redis://"),
        ("redis://localhost:port/0", "port: expected a number from 1 to 65535"),
        ("redis://localhost:99999/0", "port: expected a number from 1 to 65535"),
        ("redis://localhost:0/0", "port: expected a number from 1 to 65535"),
        ("redis://:6379/0", "host: expected a name"),
        (f"redis://:{SECRET}@/0", "host: expected a name"),
        ("redis://[::1/0", "host: expected a name"),
        ("redis://localhost/production", "database: expected a number behind the host, such as /0"),
        (f"redis://:{SECRET}/x@localhost", "user name or password: expected %2F for /"),
        (f"redis://:{SECRET}?x@localhost", "user name or password: expected %2F for /"),
        (f"redis://:{SECRET}#@localhost", "user name, password or path: expected %2F for /"),
        (f"redis://:100%{SECRET}@localhost", "user name, password or path: expected %2F for /"),
        ("redis://localhost/0?colour=red", "unknown option 'colour': expected an option that redis-py knows"),
        ("redis://localhost/0?socket_timeout=soon", "option 'socket_timeout': expected name=value"),
        ("rediss://localhost/0?ssl_cert_reqs=perhaps", "options: expected name=value"),
        ("unix://", "path: expected unix:///path/of/the/socket"),
        ("unix://run/valkey.sock", "path: expected unix:///path/of/the/socket"),
        ("sentinel://one:1", "master's name: expected sentinel://host:26379,host:26379/master-name"),
        ("sentinel://one:1/", "master's name: expected sentinel://"),
        ("sentinel://one,/m", "host: expected a name"),
        ("sentinel://one:port/m", "port: expected a number"),
        ("sentinel://one/m?db=zero", "option 'db': expected name=value"),
        ("sentinel://one/m?colour=red", "unknown option 'colour': expected an option that redis-py knows"),
    ],
)
def test_a_wrong_url_is_told_by_its_wrong_part(url: str, said: str) -> None:
    with pytest.raises(UnusableServer) as refusal:
        client_of(url)
    assert str(refusal.value).startswith(f"the URL's {said}")
    assert "x@localhost" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["redis://", "redis:///2", "rediss://h", "redis://a:b@c@h:1/", "redis://h?db=1", "unix:///s?db=1"]
)
def test_a_url_that_says_less_than_it_could_is_none_the_worse(url: str) -> None:
    assert client_of(url)[1]


# -- with a password file --


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("redis://me@localhost/0", ("me", "first")),
        ("redis://localhost/0?db=1", ("first",)),
        ("unix:///run/s", ("first",)),
        ("sentinel://me@one/m", ("me", "first")),
    ],
)
def test_the_password_stands_in_a_file_that_each_connection_reads_anew(
    tmp_path: Path, url: str, given: tuple[str, ...]
) -> None:
    file = tmp_path / "pass word"
    file.write_text("first\n")
    for client, _ in (client_of(url, password_file=file), client_of(with_password_file(url, str(file)))):
        provider = client.connection_pool.connection_kwargs["credential_provider"]  # type: ignore[union-attr]
        assert provider.get_credentials() == given
        file.write_text("second\n\n")
        assert provider.get_credentials()[-1] == "second\n"
        file.write_text("first")
        assert "first" not in repr(client)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"\n", "it is empty"), (b"\xff", "it is no text in UTF-8")],
)
def test_a_password_file_without_a_password_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AuthenticationError) as refusal:
        PasswordFile(file, None).get_credentials()
    assert str(refusal.value) == f"the password file {file} cannot be used: {reason}"
    assert words_of(refusal.value) == str(refusal.value)


def test_a_password_has_one_place(tmp_path: Path) -> None:
    with pytest.raises(
        UnusableServer, match="the URL's password: expected none, because a password file is named, too"
    ):
        client_of(f"redis://:{SECRET}@localhost", password_file=tmp_path)
    with pytest.raises(UnusableServer, match="credential_provider of its own"):
        client_of(redis.Redis(), password_file=tmp_path)


def test_without_a_url_the_variable_names_the_password_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAL_URL", "redis://example.org")
    monkeypatch.setenv("WAL_PASSWORD_FILE", "/nowhere")
    with pytest.raises(RedisError, match="the password file /nowhere cannot be used"):
        client_of(None)[0].connection_pool.connection_kwargs["credential_provider"].get_credentials()  # type: ignore[union-attr]


# -- from a client --


def sentinel_master() -> redis.Redis:
    master: redis.Redis = Sentinel([("sentinel.example", 26379)]).master_for("orders", password=SECRET)
    return master


def test_a_client_object_is_taken_as_it_is_and_is_not_ours() -> None:
    for given in (redis.Redis(), fakeredis.FakeRedis(), sentinel_master()):
        assert client_of(given) == (given, False)


def test_a_master_found_by_sentinel_is_called_by_its_name() -> None:
    assert where(sentinel_master()) == "Sentinel's master orders"


@pytest.mark.parametrize(
    ("make", "cure"),
    [
        (redis.asyncio.Redis, "redis.Redis, or its URL; `async with"),
        (fakeredis.FakeAsyncRedis, "redis.Redis, or its URL; `async with"),
        (lambda: redis.Redis(decode_responses=True), "without it, or pass the URL"),
        (lambda: fakeredis.FakeRedis(decode_responses=True), "without it, or pass the URL"),
        (redis.ConnectionPool, "expected a URL or a redis-py client, found ConnectionPool"),
        (lambda: b"redis://localhost", "expected a URL or a redis-py client, found bytes"),
    ],
)
def test_a_client_that_cannot_be_used_is_refused_with_the_cure(make: Any, cure: str) -> None:
    with pytest.raises(UnusableServer, match=r"pass|expected") as refusal:
        client_of(make())
    assert cure in str(refusal.value)


# -- one command --


class ScriptedConnection:
    """A connection whose reply is `outcome`, raised or returned."""

    socket_timeout: float | None = 5.0

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome
        self.calls: list[str] = []
        self.waited: float | None = None

    def send_packed_command(self, packed: list[bytes]) -> None:
        self.calls.append(f"send {b''.join(packed)!r}")

    def read_response(self, timeout: float | None = None) -> object:
        self.calls.append("read")
        self.waited = timeout
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def disconnect(self) -> None:
        self.calls.append("disconnect")


class ScriptedPool(redis.ConnectionPool):
    def __init__(self, connection: ScriptedConnection) -> None:
        super().__init__()
        self.connection = connection

    def get_connection(self, *_: object, **__: object) -> Any:
        return self.connection

    def release(self, connection: Any) -> None:
        connection.calls.append("release")


def scripted(outcome: object) -> tuple[redis.Redis, ScriptedConnection]:
    connection = ScriptedConnection(outcome)
    return redis.Redis(connection_pool=ScriptedPool(connection)), connection


def test_a_command_is_sent_and_its_reply_read_once() -> None:
    client, connection = scripted(b"1-0")
    assert send_once(client, b"XADD", b"key", "*", "op", 5, seconds=5.0) == b"1-0"
    packed = b"*5\r\n$4\r\nXADD\r\n$3\r\nkey\r\n$1\r\n*\r\n$2\r\nop\r\n$1\r\n5\r\n"
    assert connection.calls == [f"send {packed!r}", "read", "release"]


@pytest.mark.parametrize(
    "outcome",
    [redis.TimeoutError("late"), ResponseError("WRONGTYPE"), KeyboardInterrupt(), SystemExit(), GeneratorExit()],
)
def test_a_connection_that_may_still_get_a_reply_is_closed_before_anybody_else_has_it(outcome: BaseException) -> None:
    client, connection = scripted(outcome)
    with pytest.raises(type(outcome)):
        send_once(client, b"PING", seconds=5.0)
    assert connection.calls[-2:] == ["disconnect", "release"]


@pytest.mark.parametrize(
    ("own", "given", "waited"), [(5.0, 5.0, None), (1.0, 5.0, None), (5.0, 1.0, 1.0), (None, 1.0, 1.0)]
)
def test_a_reply_is_waited_for_as_long_as_the_shorter_of_both_times(
    own: float | None, given: float, waited: float | None
) -> None:
    client, connection = scripted(b"PONG")
    connection.socket_timeout = own
    send_once(client, b"PING", seconds=given)
    assert connection.waited == waited


@pytest.mark.parametrize(
    "outcome",
    [
        OSError("boom"),
        UnicodeError("label too long"),
        RedisClusterException("cannot be connected"),
        ChildDeadlockedError("fork"),
    ],
)
def test_whatever_goes_wrong_on_the_way_is_an_error_of_redis(outcome: Exception) -> None:
    client, _ = scripted(outcome)
    with pytest.raises(RedisError, match=str(outcome)):
        send_once(client, b"PING", seconds=5.0)


def test_a_host_name_that_cannot_be_looked_up_is_an_error_of_redis() -> None:
    client, _ = client_of(f"redis://{'a' * 64}.example/0")
    with pytest.raises(RedisError):
        send_once(client, b"PING", seconds=5.0)


# -- errors in words --

ANSWERS = [
    (ResponseError("WRONGTYPE Operation against a key"), True),
    (NoPermissionError("this user has no permissions"), True),
    (AuthenticationError("invalid username-password pair"), True),
    (ResponseError("unknown command 'XADD'"), True),
    (ReadOnlyError("You can't write against a read only replica."), False),
    (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), False),
    (BusyLoadingError("Redis is loading the dataset in memory"), False),
    (ClusterDownError("The cluster is down"), False),
    (TryAgainError("Multiple keys request during rehashing of slot"), False),
    (ResponseError("Protocol error: invalid bulk length"), True),
    (ResponseError("BUSY Redis is busy running a script."), False),
    (ResponseError("MISCONF Redis is configured to save RDB snapshots"), False),
    (ResponseError("MASTERDOWN Link with MASTER is down"), False),
    (ResponseError("NOREPLICAS Not enough good replicas to write."), False),
]


@pytest.mark.parametrize(("error", "refusal"), ANSWERS, ids=[str(error)[:12] for error, _ in ANSWERS])
def test_a_no_of_the_server_is_a_refusal_unless_waiting_may_mend_it(error: RedisError, refusal: bool) -> None:
    assert is_answer(error)
    assert is_refusal(error) is refusal


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), redis.TimeoutError("late")])
def test_a_lost_connection_is_no_answer(error: RedisError) -> None:
    assert not is_answer(error)
    assert not is_refusal(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (redis.ConnectionError("Connection refused."), "connection refused"),
        (ResponseError("WRONGTYPE Operation against a key"), "WRONGTYPE Operation against a key"),
        (redis.TimeoutError(), "timeout: no answer"),
        (ResponseError("Protocol error: unauthenticated multibulk length"), "authentication required"),
        (ResponseError("Protocol error: invalid bulk length"), "(Protocol error: invalid bulk length)"),
        (MovedError("5649 127.0.0.1:7001"), "pass its URL, or a RedisCluster client"),
    ],
)
def test_a_reason_says_where_and_what(error: Exception, words: str) -> None:
    reason = reason_of(error, redis.Redis(host="example.org", password=SECRET))
    assert reason.startswith("example.org:6379: ")
    assert reason.endswith(words)
