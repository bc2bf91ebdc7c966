"""The nodes of a run's cluster: who has the namespace's slot, and what happens to nodes and slot on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from redis.crc import key_slot
from redis.exceptions import ResponseError

from tests.chaos.ground.bus import Bus, source_of
from tests.chaos.ground.waiting import until
from tests.support.cluster import bus_port_of, cluster_servers, introduce, wait_until_whole
from tests.support.servers import Server

__all__ = ["ClusterNodes"]

_REPLICATOR = ("replicator", "chaos")
"""The account by which replicas come to their master. Where it is off, clients still come, and replicas do not."""
_NODE_TIMEOUT_MS = 1500


class _View(NamedTuple):
    """What a node says of itself."""

    name: str
    is_master: bool
    epoch: int
    slots: list[tuple[int, int]]


class ClusterNodes:
    """Three masters and three replicas. No replica takes over unless a fault lets it: on a busy machine one would,
    and nobody could tell what that has taken. The data is written to disk at once, so that a copy of the files has
    everything that a node acknowledged."""

    def __init__(self, directory: Path, namespace: str) -> None:
        user, password = _REPLICATOR
        # fmt: off
        self.servers = cluster_servers(
            directory,
            "--cluster-node-timeout", str(_NODE_TIMEOUT_MS), "--cluster-replica-validity-factor", "0",
            "--cluster-replica-no-failover", "yes", "--cluster-announce-ip", "127.0.0.1", "--appendfsync", "no",
            "--protected-mode", "no",  # else Redis takes nobody from another address than 127.0.0.1
            "--user", user, "on", f">{password}", "~*", "&*", "+@all", "--masteruser", user, "--masterauth", password,
        )
        # fmt: on
        self.slot: int = key_slot(namespace.encode())
        self.directory = directory
        self._copies = 0
        self._bus = Bus([bus_port_of(server) for server in self.servers])
        for node, server in enumerate(self.servers):
            announced = ("--cluster-announce-bus-port", str(self._bus.ports[node]))
            server.options = (*server.options, *announced, "--bind-source-addr", source_of(node))
        introduce(self.servers, self._bus.ports)
        self.running = list(self.servers)
        for server in self.servers:
            server.start()
        wait_until_whole(self.servers)
        self._names = {server.port: _view_of(server).name for server in self.servers}

    def close(self) -> None:
        for server in self.servers:
            server.kill()
        self._bus.close()

    # -- who is what --

    def home(self) -> Server:
        """The master of the slot: of those who say so the one that was elected last."""
        found: list[Server] = []

        def is_found() -> bool:
            views = [(_view_of(server), server) for server in self.running]
            claims = [(view.epoch, at) for at, (view, _) in enumerate(views) if self._is_home(view)]
            found.extend(views[at][1] for _, at in sorted(claims)[-1:])
            return bool(found)

        until(is_found, lambda: "a master of the slot")
        return found[0]

    def replica_of(self, master: Server) -> Server:
        """Its only one."""
        found: list[Server] = []

        def is_found() -> bool:
            found.extend(other for other in self.running if _told_by(other).get("master_port") == master.port)
            return bool(found)

        until(is_found, lambda: "a replica")
        return found[0]

    def other_masters(self) -> list[Server]:
        home = self.home()
        return [server for server in self.running if server is not home and _view_of(server).is_master]

    def name_of(self, server: Server) -> str:
        return self._names[server.port]

    def summary_of(self, server: Server) -> str:
        """For a person."""
        told = _told_by(server)
        words = ("role", "cluster_state", "master_link_status", "master_repl_offset", "aof_rewrite_in_progress")
        return " ".join([str(server.port), *(f"{word}={told[word]}" for word in words if word in told)])

    def _is_home(self, view: _View) -> bool:
        return view.is_master and any(first <= self.slot <= last for first, last in view.slots)

    # -- what happens to them --

    def kill(self, server: Server) -> None:
        server.kill()
        self.running.remove(server)

    def start(self, server: Server) -> None:
        server.start()
        self.running.append(server)

    def cut_off(self, server: Server) -> None:
        """From all other nodes; clients still reach it."""
        self._bus.cut_off(self.servers.index(server))
        with closing(server.client()) as client:
            client.execute_command("ACL", "SETUSER", _REPLICATOR[0], "off")
            client.execute_command("CLIENT", "KILL", "TYPE", "replica")

    def rejoin(self, server: Server) -> None:
        with closing(server.client()) as client:
            client.execute_command("ACL", "SETUSER", _REPLICATOR[0], "on")
        self._bus.rejoin(self.servers.index(server))

    def await_takeover(self, replica: Server) -> None:
        """Let `replica` be elected; returns once it has the slot."""
        with closing(replica.client()) as client:
            client.config_set("cluster-replica-no-failover", "no")
            until(lambda: self._is_home(_view_of(replica)), lambda: f"a takeover by {replica.directory}")
            client.config_set("cluster-replica-no-failover", "yes")

    def wait_until_calm(self) -> None:
        """Until the cluster is whole, each replica has what its master has, and their files have everything."""
        until(self._is_calm, lambda: f"a whole cluster: {[*map(self.summary_of, self.running)]}")

    def _is_calm(self) -> bool:
        before = {server.port: _told_by(server) for server in self.servers}
        if any(
            facts["cluster_state"] != "ok" or facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"]
            for facts in before.values()
        ):
            return False
        replicas = [server for server in self.servers if before[server.port]["role"] == "slave"]
        return len(replicas) == len(self.servers) // 2 and all(
            facts["master_link_status"] == "up"
            and facts["slave_repl_offset"] >= before[facts["master_port"]]["master_repl_offset"]
            for facts in map(_told_by, replicas)
        )

    @contextmanager
    def copy_of(self, server: Server) -> Iterator[Server]:
        """A server, alone, with the data that `server` has written down; `server` takes no more writes."""
        self._copies += 1
        copy = Server(self.directory / f"copy-{self._copies}")
        shutil.copytree(server.directory / "appendonlydir", copy.directory / "appendonlydir")
        copy.start()
        try:
            yield copy
        finally:
            copy.kill()


def _view_of(server: Server) -> _View:
    with closing(server.client()) as client:
        nodes: Any = client.execute_command("CLUSTER NODES")
    mine = next(node for node in nodes.values() if "myself" in node["flags"])
    slots = [(int(slot[0]), int(slot[-1])) for slot in mine["slots"]]
    return _View(mine["node_id"], "master" in mine["flags"], int(mine["epoch"]), slots)


def _told_by(server: Server) -> dict[str, Any]:
    try:
        with closing(server.client()) as client:
            state: Any = client.execute_command("CLUSTER INFO")
            return {**client.info("replication"), **client.info("persistence"), **state}
    except ResponseError:  # it is loading
        return {"cluster_state": "loading"}
