"""A cluster of three masters and three replicas, of which each takes over from its master within seconds; and one of
a single node."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.servers import Server, eventually, free_port, running

NAMESPACE = "n1"
"""Its keys are in slot 3671, which the first master has."""

_SLOTS = ("0-5460", "5461-10922", "10923-16383")
_MIGRATE_MS = 60_000
_OPTIONS = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")


class Cluster:
    """The first of `masters` has the keys of `NAMESPACE`, until it dies and `replica` takes over.

    `replicas` are in the order of their masters.
    """

    def __init__(self, masters: list[Server], replicas: list[Server]) -> None:
        self.masters = masters
        self.replicas = replicas

    @property
    def replica(self) -> Server:
        """The first master's."""
        return self.replicas[0]

    def master_of(self, slot: int) -> Server:
        """The one that says so."""
        (found,) = [master for master in self.masters if _has(master, slot)]
        return found

    def wait_for_replica(self) -> None:
        """Until the replica has what the first master has now."""
        with self.masters[0].client() as master, self.replica.client() as replica:
            offset = master.info("replication")["master_repl_offset"]
            eventually(lambda: replica.info("replication")["master_repl_offset"] >= offset, what="the replica")


class SlotMove:
    """A slot on its way from one master to another, as every tool moves it: key by key. As a context, it begins with
    all keys at `source`."""

    def __init__(self, slot: int, source: Server, target: Server) -> None:
        self._slot = slot
        self._port = target.port
        self._source, self._target = source.client(), target.client()
        self._ours, self._theirs = (
            client.execute_command("CLUSTER MYID").decode() for client in (self._source, self._target)
        )

    def __enter__(self) -> SlotMove:
        self._target.execute_command("CLUSTER", "SETSLOT", self._slot, "IMPORTING", self._ours)
        self._source.execute_command("CLUSTER", "SETSLOT", self._slot, "MIGRATING", self._theirs)
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()
        self._target.close()

    def left(self) -> list[bytes]:
        """Keys that are still at the source."""
        keys: Any = self._source.execute_command("CLUSTER", "GETKEYSINSLOT", self._slot, 10_000)
        return list(keys)

    def move(self, *keys: bytes | str) -> None:
        """Those that are not there any more do not matter."""
        self._source.execute_command("MIGRATE", "127.0.0.1", self._port, "", 0, _MIGRATE_MS, "KEYS", *keys)

    def finish(self) -> None:
        """Move what is left, and make the target the slot's master."""
        while keys := self.left():
            self.move(*keys)
        for client in (self._target, self._source):
            client.execute_command("CLUSTER", "SETSLOT", self._slot, "NODE", self._theirs)


def running_cluster(directory: Path) -> Iterator[Cluster]:
    """A fixture's body. The nodes know each other from the start, because introductions take seconds."""
    servers = cluster_servers(directory)
    introduce(servers, [bus_port_of(server) for server in servers])
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.start().kill)
        wait_until_whole(servers)
        yield Cluster(servers[:3], servers[3:])


def running_node(directory: Path) -> Iterator[Server]:
    """A fixture's body: a cluster of one node, which has all slots."""
    for server in running(directory, "--cluster-enabled", "yes", "--cluster-port", str(free_port())):
        with server.client() as admin:
            admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            eventually(lambda: admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok", what="the cluster")
        yield server


def cluster_servers(directory: Path, *options: str) -> list[Server]:
    """The servers of a cluster, not started: three masters, then their replicas.

    A node's bus has a free port of its own: 10000 above the other, as it is by default, another server may listen.
    """
    taken: set[int] = set()
    servers: list[Server] = []
    while len(servers) < 2 * len(_SLOTS):
        bus_port = str(free_port())
        server = Server(directory / str(len(servers)), *_OPTIONS, "--cluster-port", bus_port, *options)
        if not taken & {server.port, int(bus_port)} and server.port != int(bus_port):
            taken |= {server.port, int(bus_port)}
            servers.append(server)
    return servers


def bus_port_of(server: Server) -> int:
    """Where the other nodes reach it."""
    return int(server.options[server.options.index("--cluster-port") + 1])


def introduce(servers: list[Server], bus_ports: Sequence[int]) -> None:
    """Write down for each node which nodes there are, and who has which slots; `bus_ports` is where the others reach
    each node."""
    names = [secrets.token_hex(20) for _ in servers]
    masters = [f"master - 0 0 {epoch} connected {slots}" for epoch, slots in enumerate(_SLOTS, 1)]
    replicas = [f"slave {name} 0 0 {epoch} connected" for epoch, name in enumerate(names[: len(_SLOTS)], 1)]
    nodes = [
        (f"{name} 127.0.0.1:{server.port}@{bus_port} ", role)
        for name, server, bus_port, role in zip(names, servers, bus_ports, [*masters, *replicas], strict=True)
    ]
    for me, server in enumerate(servers):
        lines = [node + ("myself," if at == me else "") + role for at, (node, role) in enumerate(nodes)]
        (server.directory / "nodes.conf").write_text("\n".join([*lines, "vars currentEpoch 3 lastVoteEpoch 0", ""]))


def wait_until_whole(servers: list[Server]) -> None:
    """Until each node says that the cluster is whole, and each replica has its master's data."""
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(server.client())) for server in servers]
        states = [partial(client.execute_command, "CLUSTER INFO") for client in clients]
        eventually(lambda: all(state()["cluster_state"] == "ok" for state in states), what="the cluster")
        links = [partial(client.info, "replication") for client in clients[len(_SLOTS) :]]
        eventually(lambda: all(link().get("master_link_status") == "up" for link in links), what="the replicas")


def _has(server: Server, slot: int) -> bool:
    with closing(server.client()) as client:
        nodes: Any = client.execute_command("CLUSTER NODES")
    mine = next(node for node in nodes.values() if "myself" in node["flags"])
    return any(int(slots[0]) <= slot <= int(slots[-1]) for slots in mine["slots"])
