"""The costs of one entry, part by part, and what follows from them: the figures of the README's page on scaling."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.scale import Scale
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.stages import stage_costs
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.rows.server_time import cpu_seconds

__all__ = ["Cost", "costs_of"]

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Cost:
    """`figure` in `unit`, of one part of the system."""

    part: str
    figure: float
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Meter:
    """What the server has used so far."""

    cpu: float
    disk: int

    @classmethod
    def of(cls, here: Site) -> _Meter:
        return cls(cpu_seconds(here), int(here.info("persistence")["aof_current_size"]))


def costs_of(scale: Scale) -> list[Cost]:
    """Of the workload with 50 actions."""
    with site() as here:
        before = _Meter.of(here)
        here.fill(ACTIONS_50, scale.entries)
        filled = _Meter.of(here)
        here.client.config_resetstat()
        drained = in_own_process(projector_drain, here.url, NAMESPACE)
        after = _Meter.of(here)
        found = [Cost(f"client CPU: {name}", cost, "µs") for name, cost in in_own_process(stage_costs, here.url)]
        found.append(Cost("client CPU: the whole projector", drained.cpu_us, "µs", "these, and the sockets"))
        found += _server(here, scale.entries, before, filled, after)
        found += _bytes(here, scale.entries, before, filled, after)
        found += _capacity(here, scale.entries, drained.per_second, after.cpu - before.cpu)
    return found


def _server(here: Site, entries: int, before: _Meter, filled: _Meter, after: _Meter) -> list[Cost]:
    commands = here.info("commandstats")

    def counted(name: str) -> float:
        return float(commands[f"cmdstat_{name}"]["usec"]) / entries

    return [
        Cost("server CPU: XADD", (filled.cpu - before.cpu) / entries * 1e6, "µs", "pipelined"),
        Cost("server CPU: projection", (after.cpu - filled.cpu) / entries * 1e6, "µs", "reads, commits, AOF"),
        Cost("server, of these: XREADGROUP", counted("xreadgroup"), "µs", "COMMANDSTATS"),
        Cost("server, of these: commit", counted("evalsha"), "µs", "COMMANDSTATS"),
    ]


def _bytes(here: Site, entries: int, before: _Meter, filled: _Meter, after: _Meter) -> list[Cost]:
    log = here.memory_of([f"{{{NAMESPACE}}}:wal".encode()])
    projection = here.memory_of(here.projection_keys())
    return [
        Cost("bytes in Redis: log", log / entries, "bytes"),
        Cost("bytes in Redis: projection", projection, "bytes in all", "bounded: it does not grow with the log"),
        Cost("bytes on disk: log", (filled.disk - before.disk) / entries, "bytes", "AOF, not rewritten"),
        Cost("bytes on disk: projection", (after.disk - filled.disk) / entries, "bytes", "AOF, not rewritten"),
    ]


def _capacity(here: Site, entries: int, per_second: float, server_seconds: float) -> list[Cost]:
    log = here.memory_of([f"{{{NAMESPACE}}}:wal".encode()]) / entries
    server = entries / server_seconds
    return [
        Cost("one namespace carries", per_second, "entries/s", "one projector, catching up"),
        Cost("one server carries", server, "entries/s", "all its namespaces together, its one thread full"),
        Cost("projectors that fill one server", server / per_second, "", "a namespace and a core each"),
        Cost("log kept in 1 GiB", _GIB / log, "entries"),
    ]
