"""The costs of one entry, part by part, and what follows from them: the figures of docs/performance.md on scaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.stages import stage_costs
from tests.benchmarks.ground.workload import ACTIONS_50, ACTIONS_5000, Workload
from tests.benchmarks.rows.projecting.server_time import cpu_seconds
from tests.benchmarks.scale import Scale

__all__ = ["Cost", "costs_of"]

_GIB = 1 << 30
_Part = tuple[str, float, str, str]
"""Of a Cost all but its case."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`figure` in `unit`, of one part of the system under the workload `case`."""

    case: str
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
    """With few actions, which many entries of a batch share, and with many, of which nearly each has its own."""
    return [
        Cost(workload.name, part, figure, unit, note)
        for workload in (ACTIONS_50, ACTIONS_5000)
        for part, figure, unit, note in _measured(workload, scale.entries)
    ]


def _measured(workload: Workload, entries: int) -> list[_Part]:
    with site() as here:
        before = _Meter.of(here)
        here.fill(workload, entries)
        filled = _Meter.of(here)
        here.client.config_resetstat()
        drained = in_own_process(projector_drain, here.url, NAMESPACE)
        after = _Meter.of(here)
        counted = here.info("commandstats")
        found = [(f"client CPU: {name}", cost, "µs", "") for name, cost in in_own_process(stage_costs, here.url)]
        found.append(("client CPU: the whole projector", drained.cpu_us, "µs", "these, and the sockets"))
        found += _server(counted, entries, before, filled, after)
        found += _bytes(here, entries, before, filled, after)
        found += _capacity(here, entries, drained.per_second, after.cpu - before.cpu)
    return found


def _server(commands: dict[str, Any], entries: int, before: _Meter, filled: _Meter, after: _Meter) -> list[_Part]:
    def counted(name: str) -> float:
        return float(commands[f"cmdstat_{name}"]["usec"]) / entries

    return [
        ("server CPU: XADD", (filled.cpu - before.cpu) / entries * 1e6, "µs", "pipelined"),
        ("server CPU: projection", (after.cpu - filled.cpu) / entries * 1e6, "µs", "reads, commits, AOF"),
        ("server, of these: XREADGROUP", counted("xreadgroup"), "µs", "COMMANDSTATS"),
        ("server, of these: commit", counted("evalsha") + counted("exec"), "µs", "COMMANDSTATS"),
    ]


def _bytes(here: Site, entries: int, before: _Meter, filled: _Meter, after: _Meter) -> list[_Part]:
    log = here.memory_of([f"{{{NAMESPACE}}}:wal".encode()])
    projection = here.memory_of(here.projection_keys())
    return [
        ("bytes in Redis: log", log / entries, "bytes", ""),
        ("bytes in Redis: projection", projection, "bytes in all", "bounded: it does not grow with the log"),
        ("bytes on disk: log", (filled.disk - before.disk) / entries, "bytes", "AOF, not rewritten"),
        ("bytes on disk: projection", (after.disk - filled.disk) / entries, "bytes", "AOF, not rewritten"),
    ]


def _capacity(here: Site, entries: int, per_second: float, server_seconds: float) -> list[_Part]:
    log = here.memory_of([f"{{{NAMESPACE}}}:wal".encode()]) / entries
    server = entries / server_seconds
    return [
        ("one namespace carries", per_second, "entries/s", "one projector, catching up"),
        ("one server carries", server, "entries/s", "all its namespaces together, its one thread full"),
        ("projectors that fill one server", server / per_second, "", "a namespace and a core each"),
        ("log kept in 1 GiB", _GIB / log, "entries", ""),
    ]
