"""The doctor on real servers: each fault is found and named with its cure, and a healthy namespace has none."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from producer.connection.wire import clock_of
from projector import Query
from projector.doctor import Severity, examine
from projector.doctor.examination import CHECKS
from projector.shadow import rebuild
from tests.support.commands import projector
from tests.support.findings import found, the_wrong_one
from tests.support.fold.logs import sealed
from tests.support.projecting import running
from tests.support.projection import Log, completed, started
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server

WRONG, NOT_CHECKED, OK = Severity.WRONG, Severity.NOT_CHECKED, Severity.OK


def doctor(log: Log, *options: str, url: str = "") -> subprocess.CompletedProcess[str]:
    return projector("doctor", "--interval", "0.05", *options, "--url", url or log.url, "--namespace", log.namespace)


@contextmanager
def active(log: Log) -> Iterator[None]:
    with running(log.projector()):
        eventually(lambda: log.client.exists(log.key("lease")), what="the lease")
        yield


@pytest.fixture
def own_log(own_server: Server, namespace: str) -> Iterator[Log]:
    """A namespace on a server that may be configured."""
    with own_server.client() as client:
        yield Log(client, own_server.url, namespace)


def test_a_healthy_namespace_with_an_active_projector_has_no_findings_and_exits_with_0(log: Log) -> None:
    log.add(started("a", heartbeats=False))
    log.add_completions(3)
    with active(log):
        log.wait_for_entries(4)
        shown, document = doctor(log), doctor(log, "--json")
    assert shown.returncode == 0, shown.stdout
    assert shown.stdout.splitlines()[-1] == f"{len(CHECKS)} ok"
    told = json.loads(document.stdout)
    assert told["healthy"] is True
    assert told["namespace"] == log.namespace
    assert [finding["check"] for finding in told["findings"]] == list(CHECKS)
    assert {finding["severity"] for finding in told["findings"]} == {"ok"}


def test_without_an_active_projector_it_exits_with_1_and_names_the_command_that_mends_it(log: Log) -> None:
    log.add_completions(2)
    shown = doctor(log)
    assert shown.returncode == 1
    assert f"repair: projector run --namespace {log.namespace}\n" in shown.stdout
    assert "2 entries wait, and none was projected" in shown.stdout
    told = json.loads(doctor(log, "--json").stdout)
    assert told["healthy"] is False
    assert [finding["check"] for finding in told["findings"] if finding["severity"] == "wrong"] == [
        "projector",
        "lag",
    ]


class TestServer:
    @pytest.mark.parametrize(
        ("option", "value", "check", "said"),
        [
            ("maxmemory-policy", "allkeys-lru", "maxmemory-policy", "allkeys-lru"),
            ("appendonly", "no", "append-only-file", "off"),
            ("appendfsync", "no", "appendfsync", "no"),
            ("maxmemory", "1", "memory", "of 0.0 MiB used"),
        ],
    )
    def test_a_configuration_that_can_lose_operations_is_wrong(
        self, own_log: Log, option: str, value: str, check: str, said: str
    ) -> None:
        assert [finding.severity for finding in found(own_log)[check]] == [OK]
        own_log.client.config_set(option, value)
        finding = the_wrong_one(own_log)
        assert finding.check == check
        assert said in finding.found
        assert finding.mend.startswith(f"redis-cli CONFIG SET {option} ")

    @pytest.mark.parametrize(("seconds", "severity"), [(20_000, WRONG), (150_000, Severity.WARNING), (900_000, OK)])
    def test_memory_that_is_full_before_long(self, own_log: Log, seconds: int, severity: Severity) -> None:
        now = clock_of(own_log.client.time())
        for number in range(200):  # 10 a second, of about 200 bytes each
            own_log.add(completed("a"), entry_id=f"{now - 100 * (200 - number)}-1")
        used = own_log.client.info("memory")["used_memory"]
        own_log.client.config_set("maxmemory", used + 2000 * seconds)
        (finding,) = found(own_log)["memory"]
        assert finding.severity is severity
        assert "at this rate" in finding.found
        with Query(own_log.url, own_log.namespace) as query:
            left = query.status(room=True).room_seconds
        assert left is not None
        assert seconds / 2 < left < seconds * 2
        shown = projector("status", "--url", own_log.url, "--namespace", own_log.namespace).stdout
        assert re.search(r"Room +the memory lasts for .* at this rate", shown)

    def test_a_replica_is_wrong(self, own_log: Log, shared_server: Server) -> None:
        own_log.client.replicaof("127.0.0.1", shared_server.port)
        (finding,) = found(own_log)["role"]
        assert (finding.severity, finding.found) == (WRONG, f"a replica of 127.0.0.1:{shared_server.port}")

    def test_a_server_that_is_down_is_one_line(self) -> None:
        ended = projector("doctor", "--url", "redis://127.0.0.1:1/0")
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (69, "", 1)

    def test_what_the_account_may_not_ask_is_not_checked_and_the_right_is_named(self, own_log: Log) -> None:
        own_log.client.execute_command(
            "ACL", "SETUSER", "weak", "on", ">pw", "%R~*", "+@read", "+multi", "+exec", "+time", "-xlen"
        )
        url = own_log.url.replace("//", "//weak:pw@")
        with active(own_log):
            ended = doctor(own_log, "--json", url=url)
        findings = {finding["check"]: finding for finding in json.loads(ended.stdout)["findings"]}
        assert ended.returncode == 0
        assert {name for name, finding in findings.items() if finding["severity"] == "not_checked"} == {
            *(
                "server-version",
                "role",
                "maxmemory-policy",
                "memory",
                "append-only-file",
                "appendfsync",
                "quarantine",
            ),
            *("cluster", "cluster-replicas", "cluster-reads", "cluster-slot"),
        }
        assert "'info'" in findings["role"]["found"]
        assert "'config|get'" in findings["appendfsync"]["found"]
        assert "'xlen'" in findings["quarantine"]["found"]

    def test_keys_that_the_account_may_not_read_are_not_checked(self, own_log: Log) -> None:
        own_log.client.execute_command("ACL", "SETUSER", "weak", "on", ">pw", "%R~other", "+@all")
        ended = doctor(own_log, "--json", url=own_log.url.replace("//", "//weak:pw@"))
        findings = {finding["check"]: finding for finding in json.loads(ended.stdout)["findings"]}
        assert findings["gaps"]["severity"] == "not_checked"
        assert "permissions to access" in findings["gaps"]["found"]
        assert findings["role"]["severity"] == "ok"


class TestLog:
    @pytest.fixture(autouse=True)
    def _projected(self, log: Log) -> None:
        log.add_completions(3)
        log.drain()
        assert [finding.severity for check in ("log", "deleted-entries") for finding in found(log)[check]] == [OK, OK]

    def newest(self, log: Log) -> str:
        return log.checkpoint("last_id")

    def test_a_log_that_is_gone(self, log: Log) -> None:
        log.client.delete(log.key("wal"))
        finding = the_wrong_one(log)
        assert (finding.check, self.newest(log) in finding.found) == ("log", True)
        assert f'projector rebuild --accept-loss "why" --namespace {log.namespace}' in finding.mend

    def test_a_log_that_ends_before_the_checkpoint(self, log: Log) -> None:
        log.client.delete(log.key("wal"))
        for number in (1, 2, 3):
            log.add(completed("a"), entry_id=f"{number}-0")
        finding = the_wrong_one(log)
        assert finding.check == "log"
        assert f"it ends at 3-0, and the projection stands beyond, at {self.newest(log)}" == finding.found

    def test_the_entry_at_the_checkpoint_is_gone(self, log: Log) -> None:
        log.client.xdel(log.key("wal"), self.newest(log))
        (finding,) = found(log)["log"]
        assert (finding.severity, finding.found.startswith("it does not hold")) == (WRONG, True)

    def test_entries_that_somebody_else_deleted(self, log: Log) -> None:
        log.client.xtrim(log.key("wal"), maxlen=1, approximate=False)
        finding = the_wrong_one(log)
        assert finding.check == "deleted-entries"
        lost = f"2 entries are lost, from the beginning to {self.newest(log)}"
        by_hand = "2 entries were deleted or trimmed by hand"
        assert finding.found.startswith(
            f"{by_hand}: {lost} (a ended well at 2026-09-21 14:13:20 UTC: its entry was deleted; "
        )

    def test_entries_that_the_projector_has_trimmed_are_all_right(self, log: Log) -> None:
        log.client.xtrim(log.key("wal"), maxlen=1, approximate=False)
        log.client.hset(log.key("checkpoint"), "trimmed", 2)
        assert [finding.severity for finding in found(log)["deleted-entries"]] == [OK]

    def test_what_is_lost_for_ever_is_told_for_ever_and_is_not_wrong(self, log: Log) -> None:
        log.client.xtrim(log.key("wal"), maxlen=1, approximate=False)
        rebuild(log.client, log.namespace, accept_loss="a test")
        (finding,) = found(log)["deleted-entries"]
        assert finding.severity is Severity.WARNING
        assert finding.found == "2 entries are lost for ever, as somebody has accepted"

    def test_an_archive_that_does_not_keep_up(self, log: Log) -> None:
        assert found(log)["archive"][0].found == "the log tells of none"
        archived = self.newest(log)
        log.add(sealed(archived))
        log.drain()
        (finding,) = found(log)["archive"]
        assert finding.severity is OK  # what came behind is as old as the log, which is new
        hour_ago = clock_of(log.client.time()) - 3_700_000
        log.client.delete(*log.client.keys(f"{{{log.namespace}}}:*"))
        log.add(completed("a"), entry_id=f"{hour_ago}-0")
        log.add(completed("a"), entry_id=f"{hour_ago}-1")
        log.add(sealed(f"{hour_ago}-0"))
        log.drain()
        (finding,) = found(log)["archive"]
        assert finding.severity is Severity.WARNING
        assert finding.found.startswith(f"it ends at {hour_ago}-0, and {hour_ago}-1, of ")

    def test_an_id_in_the_future(self, log: Log) -> None:
        log.add(completed("a"), entry_id="4102444800000-0")
        finding = the_wrong_one(log)
        assert finding.check == "top-id"
        assert finding.found == "4102444800000-0 is in the future: 2100-01-01 00:00:00 UTC"
        assert f"redis-cli RENAME '{log.key('wal')}'" in finding.mend

    def test_an_id_after_which_there_is_none(self, log: Log) -> None:
        log.add(completed("a"), entry_id=f"{2**64 - 1}-{2**64 - 1}")
        assert the_wrong_one(log).why == "no entry can be added any more"

    def test_a_stranger_in_the_projectors_group(self, log: Log) -> None:
        log.add_completions(2)
        log.client.xreadgroup("projector", "stranger", {log.key("wal"): ">"}, count=2)
        finding = the_wrong_one(log)
        assert finding.found == "stranger reads from the projector's group, 2 pending"
        assert finding.mend == f"redis-cli XGROUP DELCONSUMER '{log.key('wal')}' projector stranger"


class TestHolds:
    """Who holds the log: groups, and runs."""

    def test_a_group_that_nobody_uses(self, log: Log) -> None:
        log.add(completed("a"), entry_id="1-0")
        log.drain()
        log.client.xgroup_create(log.key("wal"), "left behind", 0)
        finding = the_wrong_one(log)
        assert finding.check == "groups"
        assert finding.mend == f"redis-cli XGROUP DESTROY '{log.key('wal')}' 'left behind'"

    def test_a_group_of_a_young_log_may_be_read_from_yet(self, log: Log) -> None:
        log.add_completions(1)
        log.client.xgroup_create(log.key("wal"), "new", 0)
        assert [finding.severity for finding in found(log)["groups"]] == [OK]

    def test_a_group_that_somebody_uses_is_all_right(self, log: Log) -> None:
        log.add_completions(1)
        log.client.xgroup_create(log.key("wal"), "other", 0)
        log.client.xreadgroup("other", "reader", {log.key("wal"): ">"}, count=1)
        assert [finding.severity for finding in found(log)["groups"]] == [OK]

    def test_a_group_that_nobody_has_read_from_for_as_long_as_is_said(self, log: Log) -> None:
        log.add_completions(1)
        log.drain()
        log.client.xgroup_create(log.key("wal"), "other", 0)
        log.client.xreadgroup("other", "reader", {log.key("wal"): ">"}, count=1)
        eventually(lambda: found(log, group_idle_ms=20)["groups"][0].severity is WRONG, what="so long")
        assert "nobody uses the consumer group" not in doctor(log, "--group-idle", "1m").stdout

    def test_a_group_that_has_not_acknowledged_what_it_read_long_ago(self, log: Log) -> None:
        log.add(completed("a"), entry_id="1000-0")
        log.client.xgroup_create(log.key("wal"), "other", 0)
        log.client.xreadgroup("other", "reader", {log.key("wal"): ">"}, count=1)
        log.drain()
        (finding,) = found(log)["groups"]
        assert finding.severity is Severity.WARNING
        assert finding.found == (
            "the consumer group other, which has not acknowledged what it has to read since 1970-01-01 00:00:01 UTC, "
            "entry 1000-0"
        )
        assert finding.mend.endswith(f"redis-cli XGROUP DESTROY '{log.key('wal')}' other")

    def test_a_run_that_holds_trimming_back(self, log: Log) -> None:
        log.add(started("backup", "r1"), entry_id="1000-0")
        log.add_completions(3)
        log.drain()
        assert [finding.found for finding in found(log)["trimming"]] == ["nothing was trimmed yet"]
        log.client.hset(log.key("checkpoint"), "trimmed", 5)
        (finding,) = found(log)["trimming"]
        assert finding.severity is Severity.WARNING
        assert finding.found == "the run of backup, r1, in flight since 1970-01-01 00:00:01 UTC"
        end = finding.mend.removeprefix("if it has ended: ")
        subprocess.run([sys.executable, "-m", *shlex.split(end), "--url", log.url], check=True)
        log.client.hset(log.key("checkpoint"), "trimmed", 0)
        log.drain()
        log.client.hset(log.key("checkpoint"), "trimmed", 5)
        assert [finding.found for finding in found(log)["trimming"]] == ["5 entries trimmed, no run holds it back"]


def test_it_reads_only(log: Log) -> None:
    log.add("nonsense", "by", "w", "seq", 3)
    log.drain()
    before = log.projection(), log.client.xinfo_stream(log.key("wal"))
    doctor(log)
    assert (log.projection(), log.client.xinfo_stream(log.key("wal"))) == before


def test_the_client_may_be_any_redis_client(log: Log, shared_server: Server) -> None:
    with redis.Redis(port=shared_server.port, protocol=3) as client:
        severities = {one.check: one.severity for one in examine(client, log.namespace, seconds=0.0)}
    assert severities["projector"] is WRONG
    assert NOT_CHECKED not in severities.values()
