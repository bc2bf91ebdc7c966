"""The metrics of a projection, read by Prometheus' own parser: they are what `projector stats` says."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import count as counting
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families

from producer.connection.wire import clock_of
from projector.bounds import Bounds
from projector.cli.acl import roles
from projector.keys import Keys
from projector.metrics.commits import Activity
from projector.metrics.exposition import Exposition
from projector.metrics.health import readiness
from projector.query import Query
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log, cleaned, completed, fill, gaps_accepted, resolved, started
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server

Series = dict[tuple[str, ...], float]


def scraped(text: bytes) -> dict[str, Series]:
    """By the names of samples without the prefix: the labels but `namespace`, by their names, → value."""
    found: dict[str, Series] = defaultdict(dict)
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = tuple(value for name, value in sorted(sample.labels.items()) if name != "namespace")
            assert labels not in found[sample.name]
            found[sample.name.removeprefix("execution_wal_")][labels] = sample.value
    return found


def of(log: Log, *, actions: int = 200) -> dict[str, Series]:
    with Query(log.url, log.namespace) as query:
        return scraped(Exposition(query, actions=actions).scrape()[0])


def told(log: Log, *command: str) -> Any:
    return json.loads(projector(*command, "--url", log.url, "--namespace", log.namespace, "--json").stdout)


def test_the_figures_are_those_of_stats_and_status_before_and_after_a_restart(log: Log) -> None:
    fill(log)
    log.add(started("slow", "r"))
    log.add(resolved("slow", "r", "seen", 1, by="me"))
    log.drain()
    found, stats, status = of(log), told(log, "stats"), told(log, "status")
    for action in stats["actions"]:
        name = action["action_id"]
        shown = [found["executions_total"][name, outcome] for outcome in ("success", "failure", "orphaned")]
        assert shown == [action["successes"], action["failures"], action["orphaned"]]
        assert found["execution_duration_seconds_sum"][name,] * 1000 == pytest.approx(action["duration_ms_sum"])
    assert len(stats["actions"]) == 8
    for outcome, total in (("success", "successes"), ("failure", "failures"), ("orphaned", "orphaned")):
        of_all = [count for (_, one), count in found["executions_total"].items() if one == outcome]
        assert sum(of_all) == stats["totals"][total]
    assert sum(found["cleanups_total"].values()) == stats["totals"]["cleanups"] == 1
    assert found["cleanups_total"]["failure", "s"] == stats["totals"]["cleanup_failures"]
    names = {
        "entries_projected_total": "entries",
        "lag_entries": "lag",
        "missing_operations": "missing",
        "duplicates_total": "duplicates",
        "quarantined_entries": "quarantined",
        "lost_entries_total": "lost",
        "orphans": "orphans",
        "in_flight": "in_flight",
    }
    assert {name: found[name][()] for name in names} == {name: status[key] for name, key in names.items()}
    assert min(found[name][()] for name in ("missing_operations", "duplicates_total", "quarantined_entries")) > 0
    assert found["lease_held"] == {(): 0}
    assert found["lag_seconds"] == {(): 0}
    assert "archive_age_seconds" not in found
    assert found["missing_unaccepted_operations"] == found["missing_operations"]
    log.rebuild()
    assert of(log) == found


def test_what_somebody_accepts_stays_missing_and_no_longer_asks_for_a_decision(log: Log) -> None:
    log.bounds = Bounds(max_gaps=1)
    for number in ("3", "5", "7"):  # of which 1, 2, 4 are missing for good
        log.add(completed("a"), "by", "p", "seq", number)

    def missing() -> list[float]:
        log.drain()
        found = of(log)
        return [found[f"missing_{name}"][()] for name in ("operations", "unaccepted_operations")]

    assert missing() == [4, 4]
    for accepted, left in ((4, 1), (6, 0)):
        log.add(gaps_accepted("p", accepted, "burnt", 1, by="me"))
        assert missing() == [4, left]


def test_the_buckets_are_exactly_the_counts_of_durations(log: Log) -> None:
    for duration in (0, 1, 2, 3, 4, 63, 64, 127, 128, 1023, 1024, 5000, 86_400_000, 10**12):
        log.add(completed("a", duration_ms=duration))
    log.drain()
    with Query(log.url, log.namespace) as query:
        counts = query.durations(["a"])["a"].buckets
    found = of(log)
    buckets = {float(le): count for (_, le), count in found["execution_duration_seconds_bucket"].items()}
    assert len(buckets) == 28
    for le, count in buckets.items():
        assert count == sum(number for bound, number in counts.items() if bound <= le * 1000 + 0.5)
    assert (buckets[0.001], buckets[0.063], buckets[0.127], buckets[1.023]) == (2, 6, 8, 10)
    assert found["execution_duration_seconds_count"]["a",] == 14


def test_no_more_than_the_bound_is_named_and_read(log: Log) -> None:
    for number in range(40):
        log.add_completions(1 + (number < 3) * (3 - number), f"a{number}")
        log.add(cleaned("x", scanner_id=f"s{number}"))
    log.drain()

    def rows_read() -> int:
        told: Any = log.client.info("commandstats")
        return int(told["cmdstat_hmget"]["calls"])

    with Query(log.url, log.namespace) as query:
        now = [0.0]
        kept = Exposition(query, actions=3, monotonic=lambda: now[0])
        first = scraped(kept.scrape()[0])
        assert first["executions_total"]["a0", "success"] == 4
        assert {name for name, _ in first["executions_total"]} == {"a0", "a1", "a2", "other"}
        assert first["executions_total"]["other", "success"] == 37
        assert {name for (name,) in first["execution_duration_seconds_count"]} == {"a0", "a1", "a2"}
        assert len(first["cleanups_total"]) == 8
        assert sum(first["cleanups_total"].values()) == 40
        log.add_completions(50, "a30")
        log.add_completions(1, "new")
        log.drain()
        assert scraped(kept.scrape()[0]) == first  # one reading a second
        now[0] += 2
        before = rows_read()
        second = scraped(kept.scrape()[0])
        assert rows_read() - before <= 6
    assert {name for name, _ in second["executions_total"]} == {"a0", "a1", "a2", "other"}
    assert second["executions_total"]["other", "success"] == 37 + 51


def test_names_are_kept_as_they_are_in_either_format(log: Log) -> None:
    odd = 'a"b\\c\nd}\x1b[31m\u202e😀 {x="y"}'
    log.add_completions(2, odd)
    log.drain()
    with Query(log.url, log.namespace) as query:
        kept = Exposition(query, monotonic=lambda: 0)
        text = kept.scrape()
        assert scraped(text[0])["executions_total"][odd, "success"] == 2
        body, kind = kept.scrape("text/html;q=1, application/openmetrics-text; version=1.0.0;q=0.5")
        for unknown in ("application/openmetrics-text; version=x", "text/plain; version=x", ",;=", "*/*"):
            assert kept.scrape(unknown) == text
        assert kept.scrape()[0] is text[0]  # within a second it is not made again
    assert kind.startswith("application/openmetrics-text")
    families = {family.name: family for family in parse_open(body.decode())}  # type: ignore[no-untyped-call]
    assert odd in {sample.labels["action"] for sample in families["execution_wal_executions"].samples}


def test_what_waits_has_an_age_and_readiness_names_who_is_missing(log: Log) -> None:
    log.add(completed("a"), entry_id=f"{clock_of(log.client.time()) - 90_000}-0")
    log.add_completions(2)
    found = of(log)
    assert found["lag_entries"] == {(): 3}
    assert 90 <= found["lag_seconds"][()] < 600
    with Query(log.url, log.namespace) as query:
        assert not readiness(query).ready
        assert "no projector is active; 3 entries wait" in readiness(query).reasons[0]
        with running(log.projector()):
            eventually(lambda: readiness(query).ready, what="a projector")
            assert of(log)["lease_held"] == {(): 1}
        log.client.hset(log.key("checkpoint"), "torn", "1-1")
        assert "half written" in readiness(query).reasons[0]


def test_an_entry_that_is_not_archived_has_an_age_but_not_a_seal(log: Log) -> None:
    begun = clock_of(log.client.time()) - 50_000
    first = log.add(completed("a"), entry_id=f"{begun}-0")
    seal = {
        "type": "archive_sealed",
        "number": 1,
        "head": "0" * 64,
        "last_id": first,
        "entries": 1,
        "sealed_at": begun,
    }
    log.add(json.dumps(seal), entry_id=f"{begun}-1")
    log.drain()
    assert of(log)["archive_age_seconds"] == {(): 0}
    log.add(completed("a"), entry_id=f"{begun + 10_000}-0")
    assert 40 <= of(log)["archive_age_seconds"][()] < 600


def test_a_namespace_that_is_damaged_keeps_no_other_from_being_read_and_is_logged_once(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    other = Log(log.client, log.url, f"{log.namespace}-b")
    for one in (log, other):
        one.add_completions(1)
        one.drain()
    log.client.hset(log.key("action:a"), "successes", "none")
    with Query(log.url, namespaces=[log.namespace, other.namespace]) as query:
        kept = Exposition(query, monotonic=counting(step=2).__next__)
        kept.scrape()
        text = kept.scrape()[0].decode()
    (told,) = [record.message for record in caplog.records if "no metrics of" in record.message]
    assert f"{log.namespace}: {log.key('action:a')} holds" in told
    assert f'execution_wal_up{{namespace="{log.namespace}"}} 0.0' in text
    assert f'execution_wal_up{{namespace="{other.namespace}"}} 1.0' in text
    assert f'entries_projected_total{{namespace="{other.namespace}"}} 1.0' in text
    assert f'entries_projected_total{{namespace="{log.namespace}"}}' not in text


def test_with_memory_full_it_says_so_and_each_account_that_may_read_has_the_same_figures(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "full")
        for action in "abc":
            log.add_completions(5, action)
        log.drain()
        client.config_set("maxmemory", 1)
        found = of(log, actions=2)
        assert found["memory_full_seconds"] == {(): 0}
        assert found["entries_projected_total"] == {(): 15}
        for role in roles("full")[1:]:
            client.execute_command(*role.command(user=role.name, password="pw").split())
            url = own_server.url.replace("//", f"//{role.name}:pw@")
            assert of(Log(client, url, "full"), actions=2) == found


def test_a_server_that_goes_away_leaves_what_is_known(own_server: Server) -> None:
    with own_server.client() as client, Query(own_server.url, namespaces=["t*"]) as query:
        now = [0.0]
        activity = Activity()
        for name in ("t1", "gone"):
            activity.of(name)
        log, kept = Log(client, own_server.url, "t1"), Exposition(query, activity=activity, monotonic=lambda: now[0])
        log.add_completions(1)
        log.drain()
        found = scraped(kept.scrape()[0])
        assert (found["up"], found["active"]) == ({(): 1}, {(): 0})
        own_server.stop()
        now[0] += 2
        assert kept.scrape()[0].decode().splitlines()[2] == 'execution_wal_up{namespace="t1"} 0.0'
        assert not readiness(query).ready


def test_a_rebuild_is_no_projector(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    log.client.set(Keys(log.namespace).lease, "rebuild:1:2", px=60_000)
    assert of(log)["lease_held"] == {(): 0}
