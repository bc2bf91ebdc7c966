"""`projector repartition`: the number is written down, what was recorded is read on, and who has to act is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from producer import Producer
from producer.errors import UnusableServer
from producer.partitions.naming import partition_of, partitions_key, read_partitions_key
from projector.decisions.repartition import repartition
from projector.doctor import Severity, examine
from projector.errors import Damaged, InvalidQuery, ProjectorError, ServerUnavailable
from tests.support.cluster import Cluster, running_cluster
from tests.support.commands import projector
from tests.support.projection import Log, started
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server


def numbers(log: Log) -> list[bytes | None]:
    keys = (partitions_key(log.namespace), read_partitions_key(log.namespace))
    return [log.client.get(key) for key in keys]  # type: ignore[misc]


def ran(log: Log, *words: str, status: int = 0) -> tuple[str, str]:
    """Stdout and stderr of `projector repartition …`."""
    ended = projector("repartition", *words, "--namespace", log.namespace, "--url", log.url)
    assert ended.returncode == status, ended.stderr
    return ended.stdout, ended.stderr


class TestNumber:
    def test_a_namespace_without_anything_gets_partitions(self, log: Log) -> None:
        out, err = ran(log, "16")
        first, read, *_ = out.splitlines()
        name = log.namespace
        assert first == f"{name} has 16 partitions now ({name}.00 … {name}.15), before none"
        assert read == f"projected and read on: {name}.00 … {name}.15"
        assert err == ""
        assert numbers(log) == [b"16", b"16"]

    def test_the_log_of_a_namespace_without_partitions_is_read_on(self, log: Log) -> None:
        log.add_completions(1)
        out, _ = ran(log, "2")
        assert f"projected and read on: {log.namespace} itself, {log.namespace}.00 and {log.namespace}.01\n" in out
        assert "producers without partitions that still run go on in its own log" in out

    def test_it_grows_and_a_producer_with_the_old_number_is_refused(self, log: Log) -> None:
        with Producer(log.url, log.namespace, partitions=2) as producer:
            producer.cleanup_executed("locks", "lock:deploy", "release", True)
            out, _ = ran(log, "4")
            assert "producers with 2 partitions that still run go on in these" in out
            producer.cleanup_executed("locks", "lock:deploy", "release", True)
        assert numbers(log) == [b"4", b"4"]
        with (
            pytest.raises(UnusableServer, match="repartition 2"),
            Producer(log.url, log.namespace, partitions=2) as producer,
        ):
            producer.cleanup_executed("locks", "lock:deploy", "release", True)
        with Producer(log.url, log.namespace, partitions=4) as producer:
            producer.cleanup_executed("locks", "lock:deploy", "release", True)

    def test_it_shrinks_and_all_that_there_ever_were_are_read_on(self, log: Log) -> None:
        ran(log, "4")
        out, _ = ran(log, "2")
        assert f"projected and read on: {log.namespace}.00 … {log.namespace}.03\n" in out
        assert numbers(log) == [b"2", b"4"]
        ran(log, "3")
        assert numbers(log) == [b"3", b"4"]

    def test_the_same_number_again_changes_nothing_and_says_so(self, log: Log) -> None:
        ran(log, "4")
        out, err = ran(log, "4")
        assert out == (
            f"{log.namespace} has 4 partitions, as before; projected and read on: {log.namespace}.00 … "
            f"{log.namespace}.03\n"
        )
        assert err == ""

    def test_it_repairs_numbers_that_are_none(self, log: Log) -> None:
        log.client.set(partitions_key(log.namespace), "many")
        log.client.set(read_partitions_key(log.namespace), "-1")
        ran(log, "3")
        assert numbers(log) == [b"3", b"3"]

    def test_a_key_of_another_type_is_left_alone(self, log: Log) -> None:
        log.client.lpush(read_partitions_key(log.namespace), "x")
        with pytest.raises(Damaged):
            repartition(log.url, log.namespace, 3)
        assert log.client.get(partitions_key(log.namespace)) is None


class TestRunsInFlight:
    def test_they_are_counted_in_every_partition(self, log: Log) -> None:
        ran(log, "2")
        for number in range(2):
            part = Log(log.client, log.url, partition_of(log.namespace, number))
            part.add(started("deploy", f"run-{number}"))
            part.drain()
        _, err = ran(log, "4")
        assert err.startswith(f"warning: 2 runs are in flight in {log.namespace}.00, {log.namespace}.01: ")
        assert err.endswith(f"projector in-flight --namespace {log.namespace}\n")
        assert ran(log, "4")[1] == ""


class TestRefused:
    @pytest.mark.parametrize("number", ["0", "1001", "-3", "two"])
    def test_a_number_that_makes_no_sense(self, log: Log, number: str) -> None:
        ended = projector("repartition", "--url", log.url, "--namespace", log.namespace, "--", number)
        assert ended.returncode == 2
        assert numbers(log) == [None, None]

    def test_by_the_library(self, log: Log) -> None:
        with pytest.raises(InvalidQuery, match="number: expected 1 to 1000, found 0"):
            repartition(log.url, log.namespace, 0)

    def test_a_name_that_leaves_no_room(self, log: Log) -> None:
        with pytest.raises(UnusableServer, match="at most 61 characters"):
            repartition(log.url, "n" * 62, 100)
        assert repartition(log.url, "n" * 61, 100).number == 100
        with pytest.raises(UnusableServer, match="at most 60 characters"):
            repartition(log.url, "n" * 61, 101)

    def test_a_partition(self, log: Log) -> None:
        ran(log, "2")
        with pytest.raises(ProjectorError, match=f"repartition N --namespace {log.namespace}$"):
            repartition(log.url, f"{log.namespace}.01", 2)
        repartition(log.url, f"{log.namespace}-of-2026.11", 2)

    def test_a_server_that_is_away(self) -> None:
        with pytest.raises(ServerUnavailable):
            repartition(f"redis://127.0.0.1:{vacant_port()}/0", "otters", 2)


class TestDoctor:
    def found(self, log: Log) -> tuple[Severity, str, str]:
        (finding,) = examine(log.client, log.namespace, checks=("partitions",))
        return finding.severity, finding.found, finding.mend

    def test_none(self, log: Log) -> None:
        assert self.found(log) == (Severity.OK, "none", "")

    def test_all_are_read(self, log: Log) -> None:
        repartition(log.url, log.namespace, 16)
        assert self.found(log) == (Severity.OK, "16, all of them read", "")
        repartition(log.url, log.namespace, 4)
        assert self.found(log) == (Severity.OK, "4, and 16 are read", "")

    def test_fewer_are_read_than_are_recorded_to(self, log: Log) -> None:
        repartition(log.url, log.namespace, 16)
        log.client.set(read_partitions_key(log.namespace), 15)
        severity, text, mend = self.found(log)
        assert (severity, text) == (Severity.WRONG, "16, but no more than 15 are read")
        assert mend == f"projector repartition 16 --namespace {log.namespace}"
        projector(*mend.split()[1:], "--url", log.url)
        assert self.found(log)[0] is Severity.OK

    @pytest.mark.parametrize(
        ("text", "shown"), [("many", "'many'"), ("0", "'0'"), ("1001", "'1001'"), (None, "nothing")]
    )
    def test_a_number_that_is_none(self, log: Log, text: str | None, shown: str) -> None:
        repartition(log.url, log.namespace, 3)
        key = partitions_key(log.namespace)
        log.client.set(key, text) if text else log.client.delete(key)
        severity, told, mend = self.found(log)
        assert (severity, told) == (Severity.WRONG, f"{key}: expected a number from 1 to 1,000, found {shown}")
        assert mend == f"projector repartition 3 --namespace {log.namespace}"

    def test_a_producer_that_does_not_know_of_them_is_named(self, log: Log) -> None:
        log.add_completions(1)  # by nobody
        repartition(log.url, log.namespace, 3)
        assert self.found(log)[0] is Severity.OK
        with Producer(log.url, log.namespace) as producer:
            by = producer.cleanup_executed("locks", "lock:deploy", "release", True).by
        found = examine(log.client, log.namespace, checks=("partitions",))
        assert [finding.severity for finding in found] == [Severity.WARNING, Severity.OK]
        assert found[0].found == (
            f"{by} recorded to the log of {log.namespace} itself, past its partitions, less than a minute ago"
        )

    def test_one_that_recorded_long_ago_has_ended(self, log: Log) -> None:
        log.add(started("a"), "by", "w", "seq", 1, entry_id="1790000000000-0")
        repartition(log.url, log.namespace, 3)
        assert self.found(log) == (Severity.OK, "3, all of them read", "")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


def test_on_a_cluster_every_partition_is_found_on_its_own_node(cluster: Cluster, tmp_path: Path) -> None:
    url, names = cluster.masters[0].url, [partition_of("otters", number) for number in range(4)]
    with Producer(url, "otters", partitions=4) as producer:
        for number in range(20):
            producer.action_execution_started(f"a{number}", "manual", "command")
    assert projector("rebuild", "--url", url).returncode == 0
    ended = projector("repartition", "8", "--url", cluster.masters[1].url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith(f"warning: 20 runs are in flight in {', '.join(names)}: ")
    again = projector("repartition", "8", "--url", cluster.masters[2].url)
    assert again.stdout.startswith("otters has 8 partitions, as before; ")
    shown = projector("verify", "--json", "--url", url)
    assert shown.returncode == 0, shown.stdout
    document = json.loads(shown.stdout)
    assert [each["namespace"] for each in document["namespaces"]] == [*names, *(f"otters.0{n}" for n in range(4, 8))]
    archive = ("--archive", str(tmp_path))
    assert projector("archive", "once", *archive, "--url", url).returncode == 0
    verified = projector("archive", "verify", *archive, "--url", url)
    assert verified.returncode == 0, verified.stdout
    assert "8 namespaces, all intact" in verified.stdout


def test_a_full_server_is_repartitioned_all_the_same(own_server: Server, namespace: str) -> None:
    with own_server.client() as client:
        client.config_set("maxmemory", "1")
        client.config_set("maxmemory-policy", "noeviction")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("x", "y")
        assert repartition(own_server.url, namespace, 5).number == 5
