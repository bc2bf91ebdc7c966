"""What is read as families of metrics, with names and units by Prometheus' conventions (docs/operations.md)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from projector.keys import REBUILDING
from projector.metrics.commits import COMMIT_SECONDS, Figures
from projector.metrics.reading import Durations, Reading

PREFIX = "execution_wal_"
BOUNDS_MS = tuple((1 << bits) - 1 for bits in range(1, 28))
"""Upper bounds of buckets, from 1 ms to 37 h: each is one of ours, so that nothing is guessed."""
_OUTCOMES = ("success", "failure", "orphaned")


def families(found: Mapping[str, Reading | None]) -> Iterator[Metric]:
    """Of each namespace what was read of it; None where nothing could be."""
    up = _gauge("up", "Whether the namespace could be read.")
    for namespace, reading in found.items():
        up.add_metric([namespace], reading is not None)
    yield up
    readings = {namespace: reading for namespace, reading in found.items() if reading is not None}
    yield from _standing(readings)
    yield from _counted(readings)
    yield _durations(readings)


def families_of_commits(figures: Mapping[str, Figures]) -> Iterator[Metric]:
    """Of this process and those that it has started, since it began."""
    active = _gauge("active", "Whether this process projects the namespace.")
    total = _counter("commits", "Commits of this process since it began.")
    seconds = HistogramMetricFamily(
        f"{PREFIX}commit_duration_seconds",
        "From the sending of a commit to the server's reply, in this process since it began.",
        labels=["namespace"],
    )
    for namespace, of in figures.items():
        active.add_metric([namespace], of.active)
        up_to = [*accumulate(of.counts)]
        total.add_metric([namespace], up_to[-1])
        bounds = [*map(str, COMMIT_SECONDS), "+Inf"]
        seconds.add_metric([namespace], [*zip(bounds, up_to, strict=True)], of.seconds)
    yield from (active, total, seconds)


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", meaning, labels=["namespace", *labels])


def _counter(name: str, meaning: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"{PREFIX}{name}", meaning, labels=["namespace", *labels])


def _standing(readings: Mapping[str, Reading]) -> Iterator[Metric]:
    """Where the projections stand."""
    of_checkpoint: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
        "entries": _counter("entries_projected", "Entries of the log that were projected."),
        "duplicates": _counter("duplicates", "Operations that came twice, and counted once."),
        "lost": _counter("lost_entries", "Entries that are lost for ever, as somebody has accepted."),
        "missing": _gauge("missing_operations", "Operations that never arrived."),
        "quarantined": _gauge("quarantined_entries", "Entries that could not be projected, and are set aside."),
    }
    unaccepted = _gauge("missing_unaccepted_operations", "Operations that never arrived, which nobody has accepted.")
    lag = _gauge("lag_entries", "Entries of the log that wait for a projector.")
    lag_seconds = _gauge("lag_seconds", "Age of the oldest entry that waits for a projector, 0 if none does.")
    orphans = _gauge("orphans", "Runs that are presumed dead.")
    in_flight = _gauge("in_flight", "Runs that have started and not ended.")
    evictions = _counter("evictions", "What a bound of the projection has pushed out.", "kind")
    archive = _gauge("archive_age_seconds", "Age of the oldest entry that is not archived, 0 if all are.")
    room = _gauge("memory_full_seconds", "After which the server's memory is full, at the present rate.")
    lease = _gauge("lease_held", "Whether a projector, in whichever process, projects the namespace.")
    for namespace, reading in readings.items():
        status, checkpoint = reading.status, reading.checkpoint
        for field, family in of_checkpoint.items():
            family.add_metric([namespace], getattr(checkpoint, field))
        unaccepted.add_metric([namespace], reading.missing_unaccepted)
        if status.lag is not None:
            lag.add_metric([namespace], status.lag)
            lag_seconds.add_metric([namespace], reading.lag_seconds)
        orphans.add_metric([namespace], status.orphans)
        in_flight.add_metric([namespace], status.in_flight)
        for kind in ("in_flight", "orphans", "actions", "scanners", "producers"):
            evictions.add_metric([namespace, kind], getattr(checkpoint, f"{kind}_evicted"))
        if reading.archive_age_seconds is not None:
            archive.add_metric([namespace], reading.archive_age_seconds)
        if status.room_seconds is not None:
            room.add_metric([namespace], status.room_seconds)
        rebuilds = (status.lease_holder or "").startswith(REBUILDING)
        lease.add_metric([namespace], status.lease_ttl_ms is not None and not rebuilds)
    yield from of_checkpoint.values()
    yield from (unaccepted, lag, lag_seconds, orphans, in_flight, evictions, archive, room, lease)


def _counted(readings: Mapping[str, Reading]) -> Iterator[Metric]:
    executions = _counter("executions", "Runs that ended, or are presumed dead.", "action", "outcome")
    cleanups = _counter("cleanups", "Cleanups that scanners did.", "scanner", "outcome")
    for namespace, reading in readings.items():
        for family, by_name in ((executions, reading.executions), (cleanups, reading.cleanups)):
            for name, counts in by_name.items():
                for outcome, count in zip(_OUTCOMES, counts, strict=False):
                    family.add_metric([namespace, name, outcome], count)
    yield from (executions, cleanups)


def _durations(readings: Mapping[str, Reading]) -> Metric:
    found = HistogramMetricFamily(
        f"{PREFIX}execution_duration_seconds",
        "How long runs took that ended, of each action that is named.",
        labels=["namespace", "action"],
    )
    for namespace, reading in readings.items():
        for action, durations in reading.durations.items():
            found.add_metric([namespace, action], buckets_of(durations), durations.sum_ms / 1000)
    return found


def buckets_of(durations: Durations) -> list[tuple[str, float]]:
    """How many runs took no longer than each bound, in seconds."""
    buckets = sorted(durations.histogram.buckets.items())
    bounds, up_to = [bound for bound, _ in buckets], [0, *accumulate(count for _, count in buckets)]
    exact = [(str(bound / 1000), float(up_to[bisect_right(bounds, bound)])) for bound in BOUNDS_MS]
    return [*exact, ("+Inf", float(up_to[-1]))]
