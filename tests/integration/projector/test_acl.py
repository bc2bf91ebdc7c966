"""The accounts of `projector acl` on real servers: each does its work and is refused nothing; more it may not do.

ACL LOG has what a server refused; INFO commandstats has what it was asked.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from producer import Producer
from producer.partitions.naming import partition_of
from projector import Query
from projector.bounds import Bounds
from projector.cli.acl import roles
from projector.fleet.fleet import fleet_of
from projector.fleet.making import Settings, warn_of
from projector.quarantine import Quarantine
from projector.retention import Retention
from projector.worker.projector import Projector
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log, completed, started
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server


COMMANDS = {"producer": ("XADD", "*", "op", "x"), "projector": ("XADD", "*", "op", "x"), "reader": ("XLEN",)}
"""What each account may do to the log of its own namespace."""


class Guarded:
    """A server with the accounts of one namespace, and what its default user sees there."""

    def __init__(
        self, server: Server, client: redis.Redis, namespace: str, *, told: str = "", partitions: bool = False
    ) -> None:
        self.log = Log(client, server.url, namespace)
        for role in roles(told or namespace, partitions=partitions):
            client.execute_command(*role.command(user=role.name, password="pw").split())

    def url(self, user: str) -> str:
        return self.log.url.replace("//", f"//{user}:pw@")

    def client(self, user: str) -> redis.Redis:
        return redis.Redis.from_url(self.url(user), protocol=2)

    def refused(self) -> list[str]:
        """What was refused since the last time, but for what redis-py tries whenever it connects."""
        found: Any = self.log.client.acl_log()
        self.log.client.acl_log_reset()
        return [f"{entry['username']}: {entry['object']}" for entry in found if "setinfo" not in entry["object"]]

    def used(self) -> set[str]:
        """The commands that any client has sent, or a script called, as ACL rules name them."""
        return {name.removeprefix("cmdstat_").replace("'", "") for name in self.log.client.info("commandstats")}

    def cli(self, user: str, *arguments: str) -> str:
        ended = projector(*arguments, "--url", self.url(user), "--namespace", self.log.namespace)
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout


@pytest.fixture
def guarded(own_server: Server, namespace: str) -> Iterator[Guarded]:
    with own_server.client() as client:
        yield Guarded(own_server, client, namespace)


def granted(role_name: str, namespace: str) -> set[str]:
    (role,) = (role for role in roles(namespace) if role.name == role_name)
    rules = {rule.removeprefix("+") for rule in role.rules if rule.startswith("+") and "@" not in rule}
    return rules - {"cluster|slots", "cluster|info", "cluster|nodes"}  # which only a node of a cluster is asked


def cleanup(scanner_id: str) -> str:
    fields = {"scanner_id": scanner_id, "resource_id": "r", "action": "delete", "success": True, "executed_at": 1}
    return json.dumps({"type": "cleanup_executed", **fields})


def project_everything(guarded: Guarded) -> None:
    """All that a projector's account is for, with bounds so small that each of them evicts."""
    log, url = guarded.log, guarded.url("projector")
    small = Bounds(
        max_entries=2, max_action_entries=1, max_in_flight=2, max_actions=2, max_scanners=2, max_producers=2,
        max_gaps=1, max_quarantine=2,
    )  # fmt: skip
    keeping = Retention(entries=1000, without_archive=True)
    worker = Projector(url, log.namespace, bounds=small, lease_ttl=1.0, heartbeat_ttl=0.1, retention=keeping)
    log.add_completions(300)
    with running(worker):
        for number in range(4):
            log.add(started(f"a{number}", heartbeats=True), "by", f"w{number}", "seq", 1)
            log.add(completed(f"b{number}", success=False))
            log.add(cleanup(f"s{number}"))
            log.add("nonsense")
        log.add(json.dumps({"type": "action_execution_orphaned", "action_id": "a3", "reason": "r", "orphaned_at": 1}))
        log.client.xgroup_create(log.key("wal"), "other", "$")
        broken = log.add(completed("c"), "by", "w")
        log.client.xreadgroup("other", "reader", {log.key("wal"): ">"}, count=1)
        log.wait_for_entries(318)
        with Quarantine(url, log.namespace) as quarantine:
            assert [attempt.refusal for attempt in quarantine.retry([broken])] == [None]
            assert quarantine.entries(5)
        log.wait_for_entries(319)
        log.add('{"type":"quarantine_dropped","entry_id":"1-1","dropped_at":1}', "by", "gappy", "seq", 2)
        log.wait_for_entries(320)
        assert "gaps of 1 producer are accepted" in guarded.cli("projector", "gaps", "accept", "gappy", "--yes")
        assert "rebuilt" in guarded.cli("projector", "rebuild")
        assert "identical" in guarded.cli("projector", "verify")
        log.add(started("o", "r", heartbeats=True), "by", "o", "seq", 1)
        eventually(
            lambda: log.client.hexists(log.key("orphans"), "o#r"), what="a silent producer's run presumed dead"
        )
        assert "is settled" in guarded.cli("projector", "resolve", "r", "--failed", "a test")
        eventually(lambda: "getex" in guarded.used(), what="an idle projector's way to renew its lease")
    log.client.set(log.key("lease"), "another", px=300)
    Projector(  # which stands by first
        url,
        log.namespace,
        bounds=small,
        retention=Retention(without_archive=True),
        on_connect=warn_of(log.namespace),
    ).drain()


def accept_the_loss_of_the_log(guarded: Guarded) -> None:
    guarded.log.client.delete(guarded.log.key("wal"))
    kept = Path(f"dropped-{guarded.log.namespace}-1.jsonl")
    assert "are lost for ever" in guarded.cli("projector", "rebuild", "--accept-loss", "a test")
    kept.unlink()


def restore_from_the_archive(guarded: Guarded, where: Path) -> None:
    log, archive = guarded.log, ("--archive", str(where))

    def lose() -> None:
        log.client.delete(*log.client.keys(f"{{{log.namespace}}}:*"))

    lose()  # of that log entries were trimmed that nothing had archived
    log.add_completions(3)
    Projector(guarded.url("projector"), log.namespace).drain()
    assert "archived" in guarded.cli("projector", "archive", "once", *archive)
    lose()
    assert "restored" in guarded.cli("projector", "restore", *archive)
    assert "none missing" in guarded.cli("reader", "archive", "verify", *archive)


def test_a_projector_runs_rebuilds_verifies_and_retries_and_is_refused_nothing(
    guarded: Guarded, tmp_path: Path
) -> None:
    project_everything(guarded)
    assert guarded.log.totals()["total_executions"] == 306
    restore_from_the_archive(guarded, tmp_path)
    assert guarded.refused() == []


def test_a_projector_is_granted_no_command_that_its_work_does_not_take(guarded: Guarded, tmp_path: Path) -> None:
    guarded.log.client.config_resetstat()
    project_everything(guarded)
    restore_from_the_archive(guarded, tmp_path)
    accept_the_loss_of_the_log(guarded)
    assert granted("projector", guarded.log.namespace) - guarded.used() == set()


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("CONFIG", "GET", "requirepass"),
        ("KEYS", "*"),
        ("GET", "another"),
        ("XADD", "{other}:wal", "*", "op", "x"),
        ("DEL", "{other}:wal"),
        ("SCRIPT", "FLUSH"),
        ("SHUTDOWN",),
    ],
)
def test_a_projector_may_touch_no_other_namespace_nor_the_server(guarded: Guarded, command: tuple[str, ...]) -> None:
    with guarded.client("projector") as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


class TestProducer:
    def test_it_records_waits_for_durability_and_beats(self, guarded: Guarded) -> None:
        with Producer(guarded.url("producer"), guarded.log.namespace) as producer:
            with producer.execution("backup", source="manual"):
                pass
            producer.cleanup_executed("locks", "lock:deploy", "release", True)
        with guarded.client("producer") as client:
            assert client.set(guarded.log.key("heartbeat:h:1:ab"), "1", ex=60)
            assert client.wait(0, 10) == 0
        assert guarded.refused() == []
        guarded.log.drain()
        assert guarded.log.totals()["cleanups"] == 1

    @pytest.mark.parametrize(
        ("command", "key"),
        [
            (("XRANGE", "-", "+"), "wal"),
            (("XLEN",), "wal"),
            (("XTRIM", "MAXLEN", "0"), "wal"),
            (("XDEL", "1-1"), "wal"),
            (("DEL",), "wal"),
            (("SET", "x"), "wal"),
            (("XADD", "*", "op", "x"), "quarantine"),
            (("XADD", "*", "op", "x"), "heartbeat:me"),
            (("SET", "x"), "lease"),
            (("GET",), "heartbeat:me"),
            (("DEL",), "heartbeat:me"),
            (("HSET", "last_id", "9-9"), "checkpoint"),
        ],
    )
    def test_it_reads_deletes_and_replaces_nothing(
        self, guarded: Guarded, command: tuple[str, ...], key: str
    ) -> None:
        name, *arguments = command
        with guarded.client("producer") as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(name, guarded.log.key(key), *arguments)

    def test_what_cannot_be_withheld_from_it_is_found_by_the_doctor(self, guarded: Guarded) -> None:
        log = guarded.log
        log.add_completions(3)
        log.drain()
        with guarded.client("producer") as client:
            client.execute_command("XADD", log.key("wal"), "MAXLEN", "1", "4102444800000-0", "op", "x")
        wrong = {
            finding["check"]
            for finding in json.loads(
                projector("doctor", "--json", "--url", log.url, "--namespace", log.namespace).stdout
            )["findings"]
            if finding["severity"] == "wrong"
        }
        assert {"deleted-entries", "top-id"} <= wrong


class TestReader:
    @pytest.fixture(autouse=True)
    def _projection(self, guarded: Guarded) -> None:
        guarded.log.add(started("a", heartbeats=True), "by", "w", "seq", 1)
        guarded.log.client.xgroup_create(guarded.log.key("wal"), "other", 0)
        guarded.log.client.xreadgroup("other", "me", {guarded.log.key("wal"): ">"})
        guarded.log.add_completions(3)
        guarded.log.add("nonsense")
        guarded.log.add(cleanup("s"))
        guarded.log.drain()

    def read_everything(self, guarded: Guarded) -> None:
        for command in ("stats", "recent", "failures", "cleanups", "in-flight", "history", "log", "status", "verify"):
            guarded.cli("reader", command)
        guarded.cli("reader", "namespaces")
        guarded.cli("reader", "stats", "a")
        guarded.cli("reader", "history", "a", "--by", "day")
        guarded.cli("reader", "failures", "--grouped")
        guarded.cli("reader", "show", guarded.log.checkpoint("last_id"))
        guarded.cli("reader", "trail", "r")
        judged = projector("check", "a", "--url", guarded.url("reader"), "--namespace", guarded.log.namespace)
        assert judged.stdout.startswith("WARNING - a: ")  # no projector is active
        guarded.cli("reader", "quarantine", "list")
        guarded.cli("reader", "quarantine", "show", guarded.log.quarantine()[0][0])
        with Query(guarded.url("reader"), guarded.log.namespace) as query:
            live = query.log(follow=True, limit=0, progress=lambda _done, _total: guarded.log.add_completions(1))
            assert next(live) != next(live)  # it waits for the second

    def test_every_command_that_reads_works_and_is_refused_nothing(self, guarded: Guarded) -> None:
        self.read_everything(guarded)
        assert guarded.refused() == ["reader: set"]  # the note of what verify found, which others leave

    def test_the_doctor_cannot_check_appendfsync_and_all_the_rest(self, guarded: Guarded) -> None:
        ended = projector("doctor", "--json", "--url", guarded.url("reader"), "--namespace", guarded.log.namespace)
        findings = json.loads(ended.stdout)["findings"]
        assert [one["check"] for one in findings if one["severity"] == "not_checked"] == ["appendfsync"]
        assert guarded.refused() == ["reader: config|get"]

    def test_it_is_granted_no_command_that_reading_does_not_take(self, guarded: Guarded) -> None:
        guarded.log.client.config_resetstat()
        self.read_everything(guarded)
        projector("doctor", "--url", guarded.url("reader"), "--namespace", guarded.log.namespace)
        assert granted("reader", guarded.log.namespace) - guarded.used() == set()

    def test_it_learns_which_namespaces_there_are_unless_it_may_not_scan(self, guarded: Guarded) -> None:
        guarded.log.client.set("{other}:walrus", "no log")
        guarded.log.client.xadd("{other}:wal", {"op": "x"})
        with Query(guarded.url("reader"), "otter") as query:
            assert query.namespaces() == ["other", guarded.log.namespace]
            assert query.namespaces(seconds=0) == ["other", guarded.log.namespace]  # one page is read at least
            guarded.log.client.execute_command("ACL", "SETUSER", "reader", "-scan")
            assert query.namespaces() == []

    @pytest.mark.parametrize(
        "command",
        [
            ("XADD", "wal", "*", "op", "x"),
            ("DEL", "wal"),
            ("XTRIM", "wal", "MAXLEN", "0"),
            ("XGROUP", "CREATE", "wal", "g", "0"),
            ("HSET", "checkpoint", "last_id", "9-9"),
            ("SET", "lease", "me"),
            ("EXPIRE", "totals", "1"),
            ("EVAL", "return 1", "1", "wal"),
            ("CONFIG", "GET", "*"),
            ("FLUSHALL",),
        ],
    )
    def test_it_cannot_write_anything(self, guarded: Guarded, command: tuple[str, ...]) -> None:
        words = [
            guarded.log.key(word) if word in ("wal", "checkpoint", "lease", "totals") else word for word in command
        ]
        with guarded.client("reader") as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*words)


class TestPartitions:
    """The accounts of a namespace with partitions: of its producer, a fleet that projects it, and a reader."""

    @pytest.fixture
    def divided(self, own_server: Server, namespace: str) -> Iterator[Guarded]:
        with own_server.client() as client:
            yield Guarded(own_server, client, namespace, partitions=True)

    def record(self, guarded: Guarded) -> None:
        with Producer(guarded.url("producer"), guarded.log.namespace, partitions=4) as producer:
            for number in range(8):
                with producer.execution(f"a{number}", source="manual"):
                    pass
                producer.cleanup_executed(f"s{number}", "lock:deploy", "release", True)

    def project(self, guarded: Guarded) -> None:
        settings = Settings(
            url=guarded.url("projector"), namespaces=(guarded.log.namespace,), bounds=Bounds(), lease_ttl=1.0,
            retention=Retention(), seal_after=600.0,
        )  # fmt: skip
        fleet = fleet_of(settings)
        thread = threading.Thread(target=fleet.run)
        thread.start()
        try:
            logs = [
                Log(guarded.log.client, guarded.log.url, partition_of(guarded.log.namespace, number))
                for number in range(4)
            ]
            eventually(lambda: sum(int(log.totals().get("cleanups", 0)) for log in logs) == 8, what="all projected")
            eventually(lambda: guarded.log.client.hlen("projector:workers"), what="the word of this worker")
            eventually(lambda: "xread" in guarded.used(), what="idle sessions under one watch")
        finally:
            fleet.stop()
            thread.join()

    def test_each_does_its_work_and_is_refused_nothing(self, divided: Guarded, tmp_path: Path) -> None:
        self.record(divided)
        self.project(divided)
        archive = ("--archive", str(tmp_path))
        for words in (("verify",), ("rebuild",), ("repartition", "8"), ("archive", "once", *archive)):
            divided.cli("projector", *words)
        for words in (("verify",), ("stats",), ("recent",), ("namespaces",), ("archive", "verify", *archive)):
            divided.cli("reader", *words)
        assert set(divided.refused()) == {"reader: set"}  # the note of what verify found

    @pytest.mark.parametrize(
        ("command", "key"),
        [
            (("SET", "3"), "partitions"),
            (("SET", "3"), "partitions:read"),
            (("DEL",), "partitions"),
            (("XADD", "*", "op", "x"), "wal"),
            (("XRANGE", "-", "+"), "wal"),
            (("GET",), "lease"),
            (("SETNX", "me"), "lease"),
            (("SETNX", "x"), "wal"),
        ],
    )
    def test_a_producer_changes_no_number_and_writes_nowhere_else(
        self, divided: Guarded, command: tuple[str, ...], key: str
    ) -> None:
        name, *arguments = command
        with divided.client("producer") as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(name, divided.log.key(key), *arguments)

    def test_none_of_them_reaches_another_namespace(self, divided: Guarded) -> None:
        for key in ("{other}:wal", "{other.00}:wal", f"{{{divided.log.namespace}.x}}:wal"):
            for user, command in COMMANDS.items():
                with divided.client(user) as client, pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(command[0], key, *command[1:])


def test_accounts_of_a_glob_are_for_every_namespace_like_it_and_no_other(own_server: Server, namespace: str) -> None:
    with own_server.client() as client:
        guarded = Guarded(own_server, client, f"{namespace}-b", told=f"{namespace}-[!a]*")
        with Producer(guarded.url("producer"), guarded.log.namespace) as producer:
            producer.cleanup_executed("locks", "lock:deploy", "release", True)
        assert "rebuilt" in guarded.cli("projector", "rebuild")
        guarded.cli("reader", "stats")
        assert guarded.refused() == []
        for user, command in COMMANDS.items():
            with guarded.client(user) as other, pytest.raises(redis.exceptions.NoPermissionError):
                other.execute_command(command[0], f"{{{namespace}-a}}:wal", *command[1:])


def pasted(server: Server, text: str) -> Iterator[list[str]]:
    """The replies to the lines of `text`: in words as redis-cli splits them, and by redis-cli if it is here."""
    at = urlsplit(server.url)
    with socket.create_connection((at.hostname, at.port)) as connection, connection.makefile("rb") as replies:
        connection.sendall(text.replace("\n", "\r\n").encode())
        yield [replies.readline().decode().removeprefix("+").strip() for _ in text.splitlines()]
    if program := shutil.which("redis-cli"):
        ended = subprocess.run([program, "-u", server.url], input=text, capture_output=True, text=True, timeout=30)
        yield ended.stdout.splitlines()


def test_what_acl_prints_can_be_pasted_into_redis_cli_as_it_is(own_server: Server, namespace: str) -> None:
    ended = projector("acl", "--namespace", namespace)
    for replies in pasted(own_server, ended.stdout):
        assert replies == ["OK"] * 3
    users = re.findall(r"SETUSER (\S+) .* >(\S+) ", ended.stdout)
    assert len(users) == 3
    for user, password in users:
        with redis.Redis.from_url(own_server.url.replace("//", f"//{user}:{password}@"), protocol=2) as client:
            assert client.ping()


def test_a_projector_without_a_right_stops_with_one_line_that_names_it(guarded: Guarded) -> None:
    guarded.log.client.execute_command("ACL", "SETUSER", "projector", "-xreadgroup")
    ended = projector("run", "--url", guarded.url("projector"), "--namespace", guarded.log.namespace)
    assert ended.returncode == 69
    assert "xreadgroup" in ended.stderr.splitlines()[-1]
    assert "pw" not in ended.stderr
    eventually(lambda: not guarded.log.client.exists(guarded.log.key("lease")), what="the lease to run out")


def test_the_doctor_exits_with_69_for_an_account_that_may_look_at_nothing(guarded: Guarded) -> None:
    arguments = ("--url", guarded.url("producer"), "--namespace", guarded.log.namespace)
    assert projector("doctor", *arguments).returncode == 69
