"""The server's time for an entry, from its XADD to its commit, beside the log's own commands alone."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.ground.baselines import bare_drain
from tests.benchmarks.ground.drained import Drained, projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import ACTIONS_50, ACTIONS_5000, Workload
from tests.benchmarks.ratio import Rounds, Row, at_most
from tests.benchmarks.scale import Scale

__all__ = ["cpu_seconds", "run"]

_COMMANDS = tuple(
    f"cmdstat_{name}" for name in ("xadd", "xreadgroup", "xack", "evalsha", "watch", "multi", "exec", "hgetall")
)
"""What either side sends for entries. What scripts and EXEC call is in their own time, and again under its name."""


def run(scale: Scale) -> list[Row]:
    """The target is for what the server counts for its commands; its whole CPU, sockets and AOF included, beside."""
    rows: list[Row] = []
    for workload in (ACTIONS_50, ACTIONS_5000):
        with site() as here:
            rows += _of_workload(here, workload, scale)
    return rows


_SO_FAR = {ACTIONS_5000.name: 2.2}
"""Of the log's own commands, by workload: the target is 1.5. docs/performance.md has what takes the rest."""


def _of_workload(here: Site, workload: Workload, scale: Scale) -> list[Row]:
    cpu: dict[str, list[float]] = {"ours": [], "theirs": []}

    def measured(name: str, drain: Callable[[str, str], Drained]) -> float:
        before = cpu_seconds(here)
        microseconds = _spent(here, workload, scale.entries, drain)
        cpu[name].append((cpu_seconds(here) - before) / scale.entries * 1e6)
        return microseconds

    rounds = Rounds(scale.rounds)
    rounds.measure("ours", lambda: measured("ours", projector_drain))
    rounds.measure("theirs", lambda: measured("theirs", bare_drain))
    figures = rounds.run()
    baseline, target = "XADD + XREADGROUP + XACK", at_most(1.5, so_far=_SO_FAR.get(workload.name))
    return [
        Row("server_time", workload.name, baseline, "µs/entry", figures["ours"], figures["theirs"], target),
        Row(
            "server_time", f"{workload.name}, all CPU", baseline, "µs/entry", tuple(cpu["ours"]), tuple(cpu["theirs"])
        ),
    ]


def _spent(here: Site, workload: Workload, entries: int, drain: Callable[[str, str], Drained]) -> float:
    """Microseconds an entry, from an empty log on."""
    here.forget_projection()
    here.client.config_resetstat()
    here.fill(workload, entries)
    in_own_process(drain, here.url, NAMESPACE)
    return command_microseconds(here) / entries


def command_microseconds(here: Site) -> float:
    """What the server has counted for entries since CONFIG RESETSTAT."""
    found = here.info("commandstats")
    return sum(float(found[name]["usec"]) for name in _COMMANDS if name in found)


def cpu_seconds(here: Site) -> float:
    """The server's CPU so far, of all its threads."""
    found = here.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])
