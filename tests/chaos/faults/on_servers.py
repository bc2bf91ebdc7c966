"""What happens to the server: killed, restarted, out of memory, out of disk, connections ended, clients paused."""

from __future__ import annotations

import time
from random import Random

import redis

from tests.chaos.faults.fault import Fault
from tests.chaos.ground.arena import Arena
from tests.chaos.ground.small_disk import fill, lift
from tests.chaos.ground.waiting import until

__all__ = [
    "FlushedScripts",
    "FullDisk",
    "FullMemory",
    "KilledConnections",
    "KilledServer",
    "PausedClients",
    "RestartedServer",
]


class KilledServer(Fault):
    """`kill -9` of the server, and its restart from its append-only file."""

    name = "kill -9 of the server"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        time.sleep(random.uniform(0, 0.3))
        arena.count_commits()
        arena.server.kill()
        if arena.appendfsync != "always":
            arena.losses.server_killed(time.monotonic())
        arena.figures.kills[f"server with appendfsync {arena.appendfsync}"] += 1
        time.sleep(random.uniform(0, 0.3))
        arena.server.start()


class RestartedServer(Fault):
    """An orderly restart, which forgets every script, and a SCRIPT FLUSH as soon as somebody is back."""

    name = "restart of the server with its scripts flushed"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        arena.count_commits()
        arena.server.stop()
        time.sleep(random.uniform(0, 0.2))
        arena.server.start()
        arena.projectors.wait_for_active()
        until(lambda: arena.client.script_flush(), lambda: "SCRIPT FLUSH")


class FlushedScripts(Fault):
    """SCRIPT FLUSH while everybody is at work."""

    name = "SCRIPT FLUSH"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        for _ in range(random.randint(1, 3)):
            arena.client.script_flush()
            time.sleep(random.uniform(0, 0.1))


class FullMemory(Fault):
    """`maxmemory` reached, so that nothing can be appended, and lifted."""

    name = "maxmemory reached and lifted"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        arena.client.config_set("maxmemory-policy", "noeviction")
        arena.client.config_set("maxmemory", "1")
        try:
            until(lambda: _is_refused(arena), lambda: "an XADD that is refused")
            time.sleep(random.uniform(0.1, 1.0))
        finally:
            arena.client.config_set("maxmemory", "0")


class FullDisk(Fault):
    """The append-only file can grow no further, and then can again. (With `always` such a server ends itself.)

    Once there is room again the operator has the file written anew. Without that a server that had rewritten its file
    before would not start again: Redis 7.0 and Valkey 9.1 take back what was written by half and then write on behind
    it, since they opened the new file without O_APPEND. That leaves a hole of zeros, a "bad file format".
    """

    name = "full disk"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        if arena.appendfsync == "always":
            self._end_the_server(arena, random)
        else:
            self._hold_up_the_server(arena, random)

    def _hold_up_the_server(self, arena: Arena, random: Random) -> None:
        fill(arena.server, spare=random.randrange(20_000))
        try:
            until(lambda: _is_refused(arena), lambda: "a write that the full disk refuses")
            time.sleep(random.uniform(0.1, 1.0))
        finally:
            lift(arena.server)
        until(lambda: _is_written(arena), lambda: f"a log that is on disk: {arena.client.info('persistence')}")
        arena.client.bgrewriteaof()
        until(lambda: _is_rewritten(arena), lambda: f"a log written anew: {arena.client.info('persistence')}")

    def _end_the_server(self, arena: Arena, random: Random) -> None:
        arena.count_commits()
        fill(arena.server, spare=random.randrange(20_000))
        until(lambda: _is_gone(arena), lambda: "a server that the full disk ends")
        arena.server.kill()
        arena.server.start()


class KilledConnections(Fault):
    """CLIENT KILL of everybody, a few times."""

    name = "CLIENT KILL"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        for _ in range(random.randint(1, 5)):
            arena.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(random.uniform(0, 0.2))


class PausedClients(Fault):
    """CLIENT PAUSE for longer than producers wait for a reply, and than the lease lasts."""

    name = "CLIENT PAUSE"
    place = "servers"

    def strike(self, arena: Arena, random: Random) -> None:
        milliseconds = random.randint(500, 1500)
        arena.client.execute_command("CLIENT", "PAUSE", milliseconds, random.choice(["ALL", "WRITE"]))
        time.sleep(milliseconds / 1000)


def _is_refused(arena: Arena) -> bool:
    try:
        arena.client.set("chaos:probe", "1")
    except redis.ResponseError:
        return True
    return False


def _is_written(arena: Arena) -> bool:
    arena.client.delete("chaos:probe")
    facts = arena.client.info("persistence")
    return bool(facts["aof_last_write_status"] == "ok" and facts["aof_buffer_length"] == 0)


def _is_gone(arena: Arena) -> bool:
    try:
        with arena.server.client() as client:
            client.ping()
    except redis.ConnectionError:
        return True
    return False


def _is_rewritten(arena: Arena) -> bool:
    facts = arena.client.info("persistence")
    pending = facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"]
    return not pending and facts["aof_last_bgrewrite_status"] == "ok"
