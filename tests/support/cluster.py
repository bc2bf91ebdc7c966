"""A cluster of three masters, and a replica of the first, which takes over within seconds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.support.servers import Server, eventually

NAMESPACE = "n1"
"""Its keys are in slot 3671, which the first master has."""

_SLOTS = ("0-5460", "5461-10922", "10923-16383")


class Cluster:
    """The first of `masters` has the keys of `NAMESPACE`, until it dies and `replica` takes over."""

    def __init__(self, masters: list[Server], replica: Server) -> None:
        self.masters = masters
        self.replica = replica

    def wait_for_replica(self) -> None:
        """Until the replica has what the first master has now."""
        with self.masters[0].client() as master, self.replica.client() as replica:
            offset = master.info("replication")["master_repl_offset"]
            eventually(lambda: replica.info("replication")["master_repl_offset"] >= offset, what="the replica")


def running_cluster(directory: Path) -> Iterator[Cluster]:
    """A fixture's body. The nodes know each other from the start, because introductions take seconds."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")
    servers = [Server(directory / str(number), *options) for number in range(4)]
    names = [secrets.token_hex(20) for _ in servers]
    roles = [f"master - 0 0 {epoch} connected {slots}" for epoch, slots in enumerate(_SLOTS, 1)]
    roles.append(f"slave {names[0]} 0 0 1 connected")
    nodes = [
        (f"{name} 127.0.0.1:{server.port}@{server.port + 10_000} ", role)
        for name, server, role in zip(names, servers, roles, strict=True)
    ]
    with ExitStack() as stack:
        for me, server in enumerate(servers):
            lines = [node + ("myself," if at == me else "") + role for at, (node, role) in enumerate(nodes)]
            (server.directory / "nodes.conf").write_text(
                "\n".join([*lines, "vars currentEpoch 3 lastVoteEpoch 0", ""])
            )
            stack.callback(server.start().kill)
        clients = [stack.enter_context(server.client()) for server in servers]
        states = [partial(client.execute_command, "CLUSTER INFO") for client in clients]
        eventually(lambda: all(state()["cluster_state"] == "ok" for state in states), what="the cluster")
        eventually(lambda: clients[-1].info("replication").get("master_link_status") == "up", what="the replica")
        yield Cluster(servers[:3], servers[3])
