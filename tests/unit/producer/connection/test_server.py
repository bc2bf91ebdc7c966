"""What a server is known by on disk: its address, however it is written, and never its password."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from redis.sentinel import Sentinel

from producer import UnusableServer
from producer.connection.client import client_of
from producer.connection.server import UNNAMED, Server


def server(url: str) -> Server:
    client, _ = client_of(url)
    return Server.of(client)


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("redis://", "redis://localhost:6379/0"),
        ("redis://DB1.example/", "redis://db1.example:6379/0"),
        ("redis://db1:6380/3", "redis://db1:6380/3"),
        ("redis://db1?db=3", "redis://db1:6379/3"),
        ("redis://me:secret@db1", "redis://db1:6379/0"),
        ("redis://db1?password=secret&socket_timeout=3", "redis://db1:6379/0"),
        ("rediss://:secret@db1/1?ssl_ca_certs=/ca.pem", "rediss://db1:6379/1"),
        ("redis://[::1]:7000/0", "redis://[::1]:7000/0"),
        ("unix:///no/such%20dir/a.sock", "unix:///no/such%20dir/a.sock?db=0"),
        ("unix://me:secret@/no/./such/../a.sock?db=2", "unix:///no/a.sock?db=2"),
        (
            "sentinel://me:secret@S2,s1:7000/main?db=1&sentinel_password=secret&ssl=true",
            "sentinel://s1:7000,s2:26379/main?db=1",
        ),
    ],
)
def test_a_url_s_server_is_known_by_its_address_and_no_password(url: str, known: str) -> None:
    assert server(url).url == known
    assert server(known).url == known


def test_a_socket_is_the_same_by_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert server(f"unix://{tmp_path}/link/a.sock") == server(f"unix://{tmp_path}/real/a.sock")


def test_a_client_is_the_same_as_the_url_of_its_server() -> None:
    assert Server.of(redis.Redis("DB1", 6380, db=3, password="secret")) == server("redis://db1:6380/3")
    assert Server.of(redis.Redis("db1", ssl=True)) == server("rediss://db1")
    assert Server.of(redis.Redis(unix_socket_path="/no/a.sock")) == server("unix:///no/a.sock")
    sentinel = Sentinel([("s1", 26379)])
    assert Server.of(sentinel.master_for("main", db=1)) == server("sentinel://s1/main?db=1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("redis://db1", "redis://db2"),
        ("redis://db1", "redis://db1:6380"),
        ("redis://db1/0", "redis://db1/1"),
        ("redis://db1", "redis://10.0.0.5"),
        ("redis://localhost:6379", "redis://127.0.0.1:6380"),
        ("redis://db1", "rediss://db1"),
        ("unix:///a.sock", "unix:///b.sock"),
        ("sentinel://s1/main", "sentinel://s1/other"),
        ("sentinel://s1/main", "sentinel://s1/main?db=1"),
        ("sentinel://s1,s2/main", "sentinel://s3/main"),
        ("sentinel://s1/main", "redis://s1:26379"),
    ],
)
def test_what_may_be_another_server_is_taken_for_another(one: str, other: str) -> None:
    assert not server(one).is_same(server(other))
    assert not server(other).is_same(server(one))


@pytest.mark.parametrize("other", ["redis://127.0.0.1", "redis://[::1]", "redis://:pw@127.0.0.1:6379/0"])
def test_this_machine_has_one_name(other: str) -> None:
    assert server("redis://localhost").is_same(server(other))
    assert server(other).is_same(server("redis://localhost"))


def test_a_sentinel_more_or_less_is_the_same_master() -> None:
    assert server("sentinel://s1,s2/main").is_same(server("sentinel://s3,s2/main"))


def test_a_node_more_or_less_is_the_same_cluster() -> None:
    cluster = Server("cluster://a:1,b:2/")
    assert cluster.is_same(Server("cluster://b:2,c:3/"))
    assert not cluster.is_same(Server("cluster://c:3/"))


def test_a_server_that_was_not_named_is_like_no_other() -> None:
    assert UNNAMED.is_same(UNNAMED)
    assert not UNNAMED.is_same(server("redis://localhost"))


@pytest.mark.parametrize("text", ["unnamed", "cluster://a:1/", "redis://db1:6379/0", "unix:///a.sock?db=0"])
def test_a_person_names_it_as_it_was_shown(text: str) -> None:
    assert Server.named(text).url == text


def test_a_person_who_names_no_server_is_told_without_a_password() -> None:
    with pytest.raises(UnusableServer, match=r"expected redis://.*found 'http://me:\*\*\*@db1'"):
        Server.named("http://me:secret@db1")
