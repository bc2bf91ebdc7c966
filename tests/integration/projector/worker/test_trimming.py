"""Trimming: what may go goes, what somebody needs stays, and the projection is what it would be without."""

from __future__ import annotations

import logging
from dataclasses import replace
from random import Random
from typing import Any
from unittest import mock

import pytest
import redis

from projector.errors import Superseded
from projector.retention import Retention
from projector.worker import batch_size
from projector.worker.trimming import Trimming
from tests.support.projecting import Hand, running
from tests.support.projection import Log, completed, raw_entries, started
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server

NODE = 100
"""Entries of a stream's node at most. Of a node the server removes all or none."""
ALL = Retention(without_archive=True)
ARCHIVED = Retention()
HOUR = 3_600_000
END = f"{2**64 - 1}-0"


def drain(log: Log, retention: Retention, archived_to: str = "") -> None:
    log.projector(retention=retention, archived_to=lambda: archived_to).drain()


def gone(log: Log) -> int:
    info: Any = log.client.xinfo_stream(log.key("wal"))
    return int(info["entries-added"]) - int(info["length"])


def assert_whole(log: Log) -> None:
    """What was trimmed is counted, and the entry at which the projection stands is there."""
    assert gone(log) == int(log.checkpoint("trimmed") or 0)
    assert log.client.xrange(log.key("wal"), log.checkpoint("last_id"), log.checkpoint("last_id"))


def ids(log: Log) -> list[str]:
    return [entry_id.decode() for entry_id, _ in raw_entries(log.client, log.key("wal"))]


def untrimmed(projection: dict[str, Any]) -> dict[str, Any]:
    """A projection without its count of `trimmed`."""
    return {
        key: {name: value for name, value in content.items() if name != b"trimmed"}
        if key.endswith(":checkpoint")
        else content
        for key, content in projection.items()
    }


class Writer:
    """Writes entries with ids of its own, and remembers them, so that a trimmed log can be folded anew."""

    def __init__(self, log: Log, seed: int) -> None:
        self._log = log
        self._random = Random(seed)
        self.entries: list[tuple[str | bytes, list[Any]]] = []

    def write(self, count: int) -> None:
        pipeline = self._log.client.pipeline(transaction=False)
        for number in range(len(self.entries) + 1, len(self.entries) + count + 1):
            beginning, run = number % 7 == 0, f"r{number // 7}"  # the next entry ends it
            op = started("a", run) if beginning else completed("a", self._random.random() < 0.9, run)
            fields = ["op", op, "by", "w", "seq", str(number - self._random.choice([0, 0, 0, 1]))]
            self.entries.append((f"{number}-0", fields))
            pipeline.execute_command("XADD", self._log.key("wal"), f"{number}-0", *fields)
        pipeline.execute()

    def assert_projected_as_if_nothing_was_trimmed(self) -> None:
        assert_whole(self._log)
        assert self._log.entries() == len(self.entries)
        assert untrimmed(self._log.projection()) == untrimmed(self._log.replayed(self.entries))


@pytest.mark.parametrize("seed", range(3))
def test_trimming_under_load_changes_nothing_of_the_projection_whatever_the_batches(log: Log, seed: int) -> None:
    writer, random = Writer(log, seed), Random(seed)
    sizes = mock.patch.multiple(batch_size, FIRST=random.randint(1, 60), MOST=random.randint(60, 400))
    with sizes, mock.patch("projector.worker.session._INSPECTION_SECONDS", 0):
        with running(log.projector(retention=Retention(entries=random.randint(0, 300), without_archive=True))):
            for _ in range(30):
                writer.write(random.randint(1, 150))
            log.wait_for_entries(len(writer.entries))
        assert gone(log) > 500
        writer.assert_projected_as_if_nothing_was_trimmed()


def test_of_two_projectors_the_active_trims_and_the_other_goes_on_from_there(log: Log) -> None:
    writer = Writer(log, 1)
    with mock.patch("projector.worker.session._INSPECTION_SECONDS", 0):
        first, second = log.projector(retention=ALL), log.projector(retention=ALL)
        with running(second):
            with running(first):
                for _ in range(10):
                    writer.write(60)
                    log.wait_for_entries(len(writer.entries))
            for _ in range(10):
                writer.write(60)
                log.wait_for_entries(len(writer.entries))
        assert gone(log) > 800
        writer.assert_projected_as_if_nothing_was_trimmed()


def test_a_standby_trims_nothing(log: Log) -> None:
    log.add_completions(5 * NODE)
    log.drain()
    connected: list[Any] = []
    log.client.set(log.key("lease"), "the active one", px=60_000)
    with running(log.projector(retention=ALL, on_connect=connected.append)):
        eventually(lambda: connected, what="the standby to look")
        log.client.set(log.key("lease"), "the active one", px=60_000)
    assert gone(log) == 0


def test_with_memory_full_the_log_is_trimmed(own_server: Server, namespace: str) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, namespace)
        log.add_completions(5 * NODE)
        log.drain()
        client.config_set("maxmemory", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            log.add(completed("a"))
        drain(log, ALL)
        assert gone(log) >= 3 * NODE
        assert_whole(log)


def test_without_retention_nothing_goes(log: Log) -> None:
    log.add_completions(5 * NODE)
    log.drain()
    assert gone(log) == 0


def test_what_is_projected_goes_if_no_archive_is_wanted_and_is_counted(log: Log) -> None:
    log.add_completions(5 * NODE)
    drain(log, ALL)
    assert gone(log) >= 3 * NODE
    assert_whole(log)
    log.add_completions(1)
    log.drain()
    assert log.entries() == 5 * NODE + 1
    assert log.totals()["total_executions"] == 5 * NODE + 1


def test_nothing_goes_beyond_what_is_archived(log: Log) -> None:
    log.add_completions(5 * NODE)
    drain(log, ARCHIVED)
    assert gone(log) == 0
    archived = ids(log)[250]
    drain(log, ARCHIVED, archived)
    assert archived in ids(log)
    assert gone(log) >= NODE
    assert_whole(log)


def test_nothing_goes_beyond_the_checkpoint_whatever_the_archive_says(log: Log) -> None:
    log.add_completions(3 * NODE)
    hand = Hand(log)
    while hand.step():
        pass
    last = log.checkpoint("last_id")
    log.add_completions(3 * NODE)
    hand.trim(ARCHIVED, END)
    assert last in ids(log)
    assert_whole(log)
    hand.close()


def test_the_young_stay(log: Log) -> None:
    for number in range(3 * NODE):
        log.add(completed("a"), entry_id=f"1000-{number}")
    log.add_completions(3 * NODE)
    drain(log, Retention(age_ms=HOUR, without_archive=True))
    assert gone(log) == 3 * NODE
    assert_whole(log)


def test_the_newest_stay_in_the_number_that_is_wanted(log: Log) -> None:
    log.add_completions(8 * NODE)
    drain(log, Retention(entries=2 * NODE + 50, without_archive=True))
    assert 2 * NODE + 50 <= log.client.xlen(log.key("wal")) <= 4 * NODE
    assert_whole(log)
    drain(log, Retention(entries=8 * NODE, without_archive=True))
    assert_whole(log)


def test_the_start_of_a_run_in_flight_stays_until_the_run_has_ended(log: Log) -> None:
    log.add_completions(2 * NODE)
    start = log.add(started("long", "r1"))
    log.add(started("longer", "r2"))
    log.add_completions(4 * NODE)
    drain(log, ALL)
    assert start in ids(log)
    assert gone(log) >= NODE
    log.add(completed("long", execution_id="r1"))
    log.add(completed("longer", execution_id="r2"))
    drain(log, ALL)
    assert start not in ids(log)
    assert_whole(log)


def test_what_another_group_has_not_read_stays(log: Log) -> None:
    log.add_completions(5 * NODE)
    log.client.xgroup_create(log.key("wal"), "other", ids(log)[150])
    drain(log, ALL)
    assert NODE <= gone(log) <= 150
    log.client.xgroup_setid(log.key("wal"), "other", "$")
    drain(log, ALL)
    assert gone(log) >= 3 * NODE
    assert_whole(log)


def test_what_another_group_has_not_acknowledged_stays(log: Log) -> None:
    log.add_completions(5 * NODE)
    log.client.xgroup_create(log.key("wal"), "other", 0)
    read: Any = log.client.xreadgroup("other", "reader", {log.key("wal"): ">"}, count=450)
    delivered = [entry_id for entry_id, _ in read[0][1]]
    log.client.xack(log.key("wal"), "other", *delivered[:150], *delivered[200:])
    drain(log, ALL)
    assert NODE <= gone(log) <= 150
    log.client.xack(log.key("wal"), "other", *delivered)
    drain(log, ALL)
    assert gone(log) >= 3 * NODE
    assert_whole(log)


@pytest.mark.parametrize("numbers", [(9, 10, 11), (2**63, 2**63 + 1, 2**63 + 2)])
def test_ids_are_compared_as_numbers_of_64_bits(
    own_server: Server, namespace: str, numbers: tuple[int, int, int]
) -> None:
    """As texts 5-10 comes before 5-9, and as doubles the larger ones are one."""
    with own_server.client() as client:
        client.config_set("stream-node-max-entries", 1)
        log = Log(client, own_server.url, namespace)
        first, second, _ = [log.add(completed("a"), entry_id=f"5-{number}") for number in numbers]
        log.client.xgroup_create(log.key("wal"), "other", first)
        drain(log, ARCHIVED, archived_to=second)
        assert gone(log) == 0
        log.client.xgroup_setid(log.key("wal"), "other", second)
        drain(log, ARCHIVED, archived_to=second)
        assert ids(log)[0] == second


def test_a_step_is_short_and_the_next_follows(log: Log) -> None:
    log.add_completions(8 * NODE)
    with mock.patch.multiple("projector.worker.trimming", _STEP=2 * NODE, _STEPS=2):
        drain(log, ALL)
        assert 3 * NODE <= gone(log) <= 4 * NODE
        assert_whole(log)
        drain(log, ALL)
    assert gone(log) >= 7 * NODE
    assert_whole(log)


def test_who_lost_the_lease_trims_nothing(log: Log) -> None:
    log.add_completions(5 * NODE)
    hand = Hand(log)
    while hand.step():
        pass
    log.client.set(log.key("lease"), "another", px=60_000)
    with pytest.raises(Superseded, match="another"):
        hand.trim(ALL)
    assert gone(log) == 0


def test_who_stands_elsewhere_than_the_projection_trims_nothing(log: Log) -> None:
    log.add_completions(5 * NODE)
    hand = Hand(log)
    while hand.step():
        pass
    log.client.hset(log.key("checkpoint"), "last_id", ids(log)[10])
    with pytest.raises(Superseded, match="stands at"):
        hand.trim(ALL)
    assert gone(log) == 0
    hand.close()


def test_who_holds_trimming_back_for_long_is_named_once_with_the_command_that_ends_it(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="projector")
    log.add(started("backup", "r 1"), entry_id="1000-0")
    log.add_completions(3 * NODE)
    log.client.xgroup_create(log.key("wal"), "other", "1000-0")
    hand, trimming = Hand(log), Trimming(replace(ALL, patience_ms=HOUR), lambda: "")
    while hand.step():
        pass
    for _ in range(3):
        hand.trim_by(trimming)
    log.add(completed("backup", execution_id="r 1"))
    log.client.xgroup_setid(log.key("wal"), "other", "2000-0")
    while hand.step():
        pass
    for _ in range(3):
        hand.trim_by(trimming)
    log.client.xgroup_destroy(log.key("wal"), "other")
    hand.trim_by(trimming)
    assert gone(log) > NODE
    of_the_run, of_the_group = caplog.messages
    assert of_the_run.startswith(
        "the log is not trimmed, because of the run of backup, r 1, in flight since 1970-01-01"
    )
    words = f"producer completed backup --failure --error abandoned --namespace {log.namespace} --execution-id 'r 1'"
    assert of_the_run.endswith(f"; if it has ended: {words}")
    assert of_the_group.startswith("the log is not trimmed, because of the consumer group other, which has not ")
    assert of_the_group.endswith(f"any more: redis-cli XGROUP DESTROY '{log.key('wal')}' other")
    hand.close()


def test_who_holds_it_back_for_a_while_is_not_named(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.add(started("backup", "r1"))
    log.add_completions(3 * NODE)
    drain(log, ALL)
    assert caplog.messages == []
