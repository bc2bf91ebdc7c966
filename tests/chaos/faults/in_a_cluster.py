"""What happens to the nodes of a cluster: masters killed, restarted, cut off from the others, and replaced."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import closing
from random import Random

from redis import Redis

from tests.chaos.faults.fault import Fault
from tests.chaos.ground.arena import Arena
from tests.chaos.ground.cluster_arena import ClusterArena
from tests.chaos.ground.operator_commands import Answer, verify
from tests.chaos.ground.waiting import until
from tests.chaos.history.surviving_log import read_log
from tests.support.servers import Server

__all__ = ["CutOffMaster", "KilledMaster", "OrderlyFailover", "RestartedMaster", "SlotFault"]

_ENTRIES_ALONE = 20


class SlotFault(Fault):
    """A fault of the namespace's slot and its master."""

    place = "the cluster"

    def strike(self, arena: Arena, random: Random) -> None:
        assert isinstance(arena, ClusterArena)
        arena.nodes.wait_until_calm()
        self.befall(arena, arena.nodes.home(), random)
        arena.nodes.wait_until_calm()

    @abstractmethod
    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None: ...


class KilledMaster(SlotFault):
    """`kill -9` of the namespace's master; its replica is elected, and the dead one comes back as replica."""

    name = "kill -9 of the namespace's master in the cluster"

    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None:
        replica = arena.nodes.replica_of(master)
        time.sleep(random.uniform(0, 0.3))
        arena.count_commits_of(master)
        arena.nodes.kill(master)
        arena.figures.kills["cluster's master"] += 1
        arena.nodes.await_takeover(replica)
        _leave_behind(arena, master, replica)
        arena.nodes.start(master)


class RestartedMaster(SlotFault):
    """`kill -9` of the namespace's master, which is back before anybody is elected, with all that it had."""

    name = "kill -9 of the namespace's master, which is back at once"

    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None:
        time.sleep(random.uniform(0, 0.3))
        arena.count_commits_of(master)
        arena.nodes.kill(master)
        arena.figures.kills["cluster's master"] += 1
        time.sleep(random.uniform(0, 0.5))
        arena.nodes.start(master)


class OrderlyFailover(SlotFault):
    """CLUSTER FAILOVER: the master hands over to its replica, and nothing is lost."""

    name = "orderly failover in the cluster"

    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None:
        replica = arena.nodes.replica_of(master)
        time.sleep(random.uniform(0, 0.3))
        with closing(replica.client()) as client:
            client.execute_command("CLUSTER", "FAILOVER")
        until(lambda: arena.nodes.home() is replica, lambda: "a replica that has taken over")


class CutOffMaster(SlotFault):
    """The namespace's master is cut off from the other nodes, and takes writes until it has noticed; its replica is
    elected meanwhile, and everybody moves over. Then the master comes back as replica. Clients reach both all the
    time: no connection tells them."""

    name = "partition with an old master that still takes writes"

    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None:
        replica = arena.nodes.replica_of(master)
        time.sleep(random.uniform(0, 0.3))
        with closing(master.client()) as client:
            arena.nodes.cut_off(master)
            length = int(client.xlen(arena.key("wal")))
            until(
                lambda: int(client.xlen(arena.key("wal"))) >= length + _ENTRIES_ALONE,
                lambda: "an old master that still takes writes",
            )
            arena.nodes.await_takeover(replica)
            until(lambda: _is_down(master), lambda: "an old master that has noticed")
        _await_progress_at(replica, arena)
        _leave_behind(arena, master, replica)
        arena.nodes.rejoin(master)


def _await_progress_at(master: Server, arena: ClusterArena) -> None:
    """Until so many more entries are recorded and projected there."""
    key, goals = arena.key("checkpoint"), []
    with closing(master.client()) as client:

        def reached() -> bool:
            entries = int(client.hget(key, "entries") or 0)
            goals.append(entries + _ENTRIES_ALONE)
            return entries >= goals[0]

        until(reached, lambda: f"progress at the new master; {_situation(arena, client)}")


def _situation(arena: ClusterArena, client: Redis) -> str:
    length, entries = client.xlen(arena.key("wal")), client.hget(arena.key("checkpoint"), "entries")
    nodes = "; ".join(map(arena.nodes.summary_of, arena.nodes.running))
    return f"{length} in its log, {entries!r} projected; {nodes}; projectors say {arena.projectors.last_words()}"


def _is_down(server: Server) -> bool:
    with closing(server.client()) as client:
        return bool(client.execute_command("CLUSTER INFO")["cluster_state"] == "fail")


def _leave_behind(arena: ClusterArena, old: Server, new: Server) -> None:
    """Take note of what `old` alone has acknowledged; its own projection equals the fold of its own log."""
    with arena.nodes.copy_of(old) as copy, closing(copy.client()) as left:
        survived = _ids_at(new, arena.key("wal"))
        arena.losses.set_back = True
        arena.losses.take([entry for entry in read_log(left, arena.key("wal")) if entry.id not in survived])
        # With an archive, which goes on with the new master's log, nothing can be said of the old copy.
        verified = Answer(0, "") if arena.archive else verify(copy.url, arena.namespace)
    if verified.status:
        raise AssertionError(f"the copy that was left behind: {verified.text}")


def _ids_at(master: Server, key: str) -> set[str]:
    """What the log there has. A master that was among the minority just now refuses reads for a node timeout."""
    found: list[set[str]] = []

    def is_read() -> bool:
        with closing(master.client()) as client:
            found.append({entry.id for entry in read_log(client, key)})
        return True

    until(is_read, lambda: "a new master that serves its slot")
    return found[0]
