"""A failover: a replica is promoted while the old master still takes writes, and everybody moves over, late."""

from __future__ import annotations

import time
from random import Random

from tests.chaos.faults.fault import Fault
from tests.chaos.ground.arena import Arena
from tests.chaos.ground.operator_commands import Answer, verify
from tests.chaos.ground.waiting import until
from tests.chaos.history.surviving_log import read_log
from tests.support.servers import Server

__all__ = ["Failover"]


class Failover(Fault):
    """What only the old master acknowledged is lost; both copies' projections equal the fold of their logs."""

    name = "failover with a master left behind"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        old, replica = arena.server, arena.new_server()
        with replica.client() as client:
            client.replicaof("127.0.0.1", old.port)
            until(lambda: client.info("replication")["master_link_status"] == "up", lambda: "a replica")
            time.sleep(random.uniform(0, 0.3))
            client.replicaof("NO", "ONE")
            survived = {entry.id for entry in read_log(client, arena.key("wal"))}
        time.sleep(random.uniform(0.1, 0.5))  # the old master goes on: split in two
        arena.count_commits()
        arena.move_to(replica)
        self._leave_behind(arena, old, survived)

    def _leave_behind(self, arena: Arena, old: Server, survived: set[str]) -> None:
        with old.client() as client:
            last = read_log(client, arena.key("wal"))
            arena.losses.set_back = True
            arena.losses.take([entry for entry in last if entry.id not in survived])
        # With an archive, which the new master's archiver goes on with, nothing can be said of the old copy.
        verified = Answer(0, "") if arena.archive else verify(old.url, arena.namespace)
        old.kill()
        if verified.status:
            raise AssertionError(f"the copy that was left behind: {verified.text}")
