"""`sentinel://` URLs: what they mean, and what is refused without a word of what may be a password."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest
from redis.sentinel import MasterNotFoundError, SentinelConnectionPool

from producer.connection.client import client_of, reason_of
from producer.connection.sentinel import SentinelUrl, sentinel_client
from producer.connection.url import safe_url
from producer.errors import UnusableServer
from tests.support.servers import vacant_port


def test_hosts_and_ports_the_masters_name_and_its_account() -> None:
    url = SentinelUrl.parse("sentinel://me:s%40cret@one:1,two,[::1]:3/my%20master?db=2")
    assert url.sentinels == (("one", 1), ("two", 26379), ("::1", 3))
    assert url.master == "my master"
    assert url.master_options == {"username": "me", "password": "s@cret", "db": 2}
    assert url.sentinel_options == {}


def test_python_splits_each_host_alone_because_some_versions_refuse_brackets_among_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split: list[str] = []

    def urlsplit(text: str) -> Any:
        split.append(text)
        return urllib.parse.urlsplit(text)

    monkeypatch.setattr("producer.connection.url.urlsplit", urlsplit)
    assert SentinelUrl.parse("sentinel://one:1,two,[::1]:3/my").sentinels == (("one", 1), ("two", 26379), ("::1", 3))
    assert split == ["//one:1", "//two", "//[::1]:3"]


def test_a_password_alone_belongs_to_the_default_user() -> None:
    assert SentinelUrl.parse("sentinel://:pw@one/m").master_options == {"password": "pw"}


def test_the_sentinels_have_an_account_of_their_own_and_share_the_options_of_tls() -> None:
    url = SentinelUrl.parse(
        "sentinel://one/m?sentinel_username=watch&sentinel_password=p%26w&ssl=true&ssl_ca_certs=/ca.crt"
        "&ssl_check_hostname=no"
    )
    tls = {"ssl": True, "ssl_ca_certs": "/ca.crt", "ssl_check_hostname": False}
    assert url.sentinel_options == {"username": "watch", "password": "p&w"} | tls
    assert url.master_options == tls


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://",
        "sentinel://one",
        "sentinel://one/",
        "sentinel:///m",
        "sentinel://one,/m",
        "sentinel://one/m/0",
        "sentinel://one:port/m",
        "sentinel://one:99999/m",
        "sentinel://one/m?db=zero",
        "sentinel://one/m?ssl=perhaps",
        "sentinel://one/m?colour=red",
        "sentinel://one/m?ssl_colour=red&ssl=true",
        "sentinel://one/m?db",
    ],
)
def test_what_is_no_such_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(UnusableServer, match="sentinel://"):
        client_of(url)


def test_a_client_asks_for_the_master_and_repeats_nothing_on_its_own() -> None:
    client, owned = client_of("sentinel://:pw@one:1,two:2/m?db=3&ssl=true", timeout=4.0)
    pool = client.connection_pool  # type: ignore[union-attr]
    assert owned
    assert isinstance(pool, SentinelConnectionPool)
    connection: Any = pool.make_connection()
    assert connection.retry.get_retries() == 0
    assert (connection.db, connection.socket_timeout, connection.protocol) == (3, 4.0, 2)
    asking: list[Any] = [one.connection_pool.make_connection() for one in pool.sentinel_manager.sentinels]
    assert [(one.host, one.socket_timeout, one.retry.get_retries()) for one in asking] == [
        ("one", 2.0, 0),
        ("two", 2.0, 0),
    ]


def test_when_no_sentinel_answers_the_error_says_which_were_asked_and_no_password() -> None:
    ports = vacant_port(), vacant_port()
    url = f"sentinel://:s3cret@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/m?sentinel_password=s4cret"
    client = sentinel_client(url, timeout=2.0)
    with pytest.raises(MasterNotFoundError) as caught:
        client.ping()
    said = reason_of(caught.value, client)
    assert all(f"sentinel 127.0.0.1:{port}: " in said for port in ports)
    assert "refused" in said
    assert "cret" not in said + repr(client) + repr(SentinelUrl.parse(url))


def test_passwords_are_hidden_where_a_url_is_shown() -> None:
    shown = safe_url("sentinel://me:s3cret@one:1,two:2/m?sentinel_password=s4cret&db=1")
    assert shown == "sentinel://me:***@one:1,two:2/m?sentinel_password=***&db=1"


def test_a_password_with_signs_that_should_have_been_encoded_is_not_in_the_error() -> None:
    with pytest.raises(UnusableServer) as caught:
        client_of("sentinel://:s3/cr#et?@one:port/m")
    assert "s3" not in str(caught.value)
    assert "cr#et" not in str(caught.value)
    assert caught.value.__cause__ is None
