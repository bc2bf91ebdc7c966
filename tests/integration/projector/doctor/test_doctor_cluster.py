"""The doctor on a cluster: what is wrong with the cluster, with the namespace's node, and with its slot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import ResponseError

from projector.doctor import Finding, Severity, examine
from tests.support.cluster import NAMESPACE, Cluster, running_cluster
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server

CHECKS = ("cluster", "cluster-replicas", "cluster-reads", "cluster-slot")
SLOT = key_slot(NAMESPACE.encode())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path)


def found(url: str) -> dict[str, Finding]:
    findings = examine(url, NAMESPACE, seconds=0, checks=CHECKS)
    assert [finding.check for finding in findings] == list(CHECKS)
    return {finding.check: finding for finding in findings}


def severities(url: str) -> list[Severity]:
    return [finding.severity for finding in found(url).values()]


def ask(server: Server, *command: str | int) -> Any:
    with server.client() as client:
        return client.execute_command(*command)


def test_a_single_server_is_no_cluster_and_well(shared_server: Server) -> None:
    assert {(finding.severity, finding.found) for finding in found(shared_server.url).values()} == {
        (Severity.OK, "no cluster")
    }


def test_of_a_healthy_cluster_all_is_well_by_the_url_of_any_node(cluster: Cluster) -> None:
    for node in (*cluster.masters, cluster.replica):
        findings = found(node.url)
        assert {finding.severity for finding in findings.values()} == {Severity.OK}
        assert findings["cluster"].found == "all 16,384 slots are served"
        assert findings["cluster-slot"].found == f"slot {SLOT} stays"


def test_a_slot_that_is_moving_is_told_until_it_stays(cluster: Cluster) -> None:
    home, other = cluster.masters[:2]
    name = ask(other, "CLUSTER MYID").decode()
    ask(home, "CLUSTER", "SETSLOT", SLOT, "MIGRATING", name)
    try:
        finding = found(home.url)["cluster-slot"]
        assert finding.severity is Severity.WARNING
        assert finding.found == f"slot {SLOT} is moving to the node {name[:8]}…"
        assert "redis-cli --cluster fix HOST:PORT" in finding.mend
        assert f"redis-cli CLUSTER SETSLOT {SLOT} STABLE" in finding.mend
    finally:
        ask(home, "CLUSTER", "SETSLOT", SLOT, "STABLE")
    assert found(home.url)["cluster-slot"].severity is Severity.OK


def test_an_account_that_may_not_ask_about_migrations_is_told_so(cluster: Cluster) -> None:
    home = cluster.masters[0]
    rules = ("on", ">pw", "~*", "+@all", "-cluster", "+cluster|slots", "+cluster|info", "+cluster|nodes")
    ask(home, "ACL", "SETUSER", "auditor", *rules)
    for node in (*cluster.masters[1:], cluster.replica):
        ask(node, "ACL", "SETUSER", "auditor", *rules)
    said = found(home.url.replace("//", "//auditor:pw@"))["cluster-slot"].found
    assert said.endswith("may not ask about other ways" if knows_migrations(home) else "stays")


def knows_migrations(server: Server) -> bool:
    try:
        ask(server, "CLUSTER", "GETSLOTMIGRATIONS")
    except ResponseError:
        return False
    return True


def test_a_node_that_may_answer_while_it_is_cut_off_is_told(cluster: Cluster) -> None:
    home = cluster.masters[0]
    ask(home, "CONFIG", "SET", "cluster-allow-reads-when-down", "yes")
    try:
        finding = found(home.url)["cluster-reads"]
        assert (finding.severity, finding.found) == (Severity.WARNING, "cluster-allow-reads-when-down yes")
        assert finding.mend.startswith("redis-cli CONFIG SET cluster-allow-reads-when-down no")
    finally:
        ask(home, "CONFIG", "SET", "cluster-allow-reads-when-down", "no")


def test_a_node_without_its_replica_and_slots_that_are_nobody_s_are_told(
    own_cluster: Cluster,
) -> None:
    home = own_cluster.masters[0]
    own_cluster.replica.kill()
    eventually(lambda: found(home.url)["cluster-replicas"].severity is Severity.WARNING, what="a lost replica")
    assert found(home.url)["cluster"].severity is Severity.OK  # all slots have their masters
    ask(home, "CLUSTER", "DELSLOTS", 1)
    eventually(lambda: found(home.url)["cluster"].severity is Severity.WRONG, what="a slot that is nobody's")
    assert "16,383 of 16,384 slots are served, 1 are nobody's" in found(home.url)["cluster"].found
