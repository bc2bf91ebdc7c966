"""docs/monitoring/alerts.yaml by promtool, on what was scraped: what rings when something is wrong, and nothing else.

A namespace for each trouble is scraped while all is well, and when it is not. promtool takes the first values for two
hours, then the second ones.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from producer.cli.app import app as producer_app
from producer.connection.wire import clock_of
from projector.cli.app import app as projector_app
from projector.metrics.exposition import Exposition
from projector.query import Query
from projector.shadow import rebuild
from tests.support.projection import Log, completed, orphaned, started
from tests.support.prometheus import promtool
from tests.support.servers import Server

MONITORING = Path(__file__).parents[4] / "docs" / "monitoring"
RULES = MONITORING / "alerts.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule]
NAMES = set(re.findall(r"\bexecution_wal_\w+", RULES.read_text()))

NAMESPACES = ("well", "unprojected", "behind", "broken", "burnt", "damaged")
WELL_AT, WRONG_AT = "120m", "160m"

Series = dict[str, float]
"""By names and labels as PromQL spells them."""


class Troubled:
    """A log whose entries came at the time that they are said to have."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._at = clock_of(log.client.time()) - 4 * 3_600_000
        self._count = 0

    def add(self, op: str, *more: str) -> str:
        self._count += 1
        return self.log.add(op, *more, entry_id=f"{self._at}-{self._count}")

    def go_on(self, hours: int) -> None:
        self._at += hours * 3_600_000

    def project(self) -> None:
        """And leave a projector that is active."""
        self.log.client.delete(self.log.key("lease"))
        self.log.drain()
        self.log.client.set(self.log.key("lease"), "host:1:abc", px=600_000)

    def lose(self) -> None:
        """The first entry, which somebody deletes, and somebody accepts."""
        key = self.log.key("wal")
        first: Any = self.log.client.xrange(key, count=1)
        self.log.client.xdel(key, first[0][0])
        self.log.client.delete(self.log.key("lease"))
        rebuild(self.log.client, self.log.namespace, accept_loss="burnt")
        self.project()


def make_well(logs: dict[str, Troubled]) -> None:
    for name, at in logs.items():
        for action in ("flaky", "rare", "sometimes"):
            for _ in range(20):
                at.add(completed(action))
        for number in range(11):
            at.add(started("gone", str(number)))
        last = at.add(orphaned("gone", "10", "silent", 1))
        at.project()
        if name == "burnt":  # what is archived is not lost
            continue
        seal = {
            "type": "archive_sealed",
            "number": 1,
            "head": "0" * 64,
            "last_id": last,
            "entries": 72,
            "sealed_at": 1,
        }
        at.add(json.dumps(seal))
        at.project()


def make_wrong(logs: dict[str, Troubled]) -> None:
    for at in logs.values():
        at.go_on(hours=2)
    well, unprojected, behind, broken, burnt, damaged = (logs[name] for name in NAMESPACES)
    for number in range(20):
        well.add(completed("sometimes", number % 3 > 0))
    for _ in range(9):
        well.add(completed("rare", False))
    well.project()
    well.log.client.hset(well.log.key("checkpoint"), "archive_last_id", f"{2**60}-0")  # all of it
    unprojected.add(completed("flaky"))
    unprojected.log.client.delete(unprojected.log.key("lease"))
    behind.add(completed("flaky"))
    for _ in range(10):
        broken.add(completed("flaky", False))
    broken.add("garbage")
    broken.add(completed("sometimes"), "by", "p", "seq", "5")
    for number in range(10):
        broken.add(orphaned("gone", str(number), "silent", 1))
    broken.project()
    burnt.lose()
    damaged.log.client.hset(damaged.log.key("totals"), "successes", "none")


def scraped(url: str) -> Series:
    with Query(url, namespaces=["*"]) as query:
        text = Exposition(query).scrape()[0].decode()
    return {
        spelled(sample.name, **sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in NAMES  # promtool takes a second for each thousand
    }


def spelled(name: str, **labels: str) -> str:
    inner = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}"


def series(before: Series, after: Series) -> list[dict[str, str]]:
    """What there was for two hours, and what there was then."""

    def shown(value: float | None) -> str:
        return "_x121" if value is None else f"{value:.17g}+0x120"

    names = sorted(before | after)
    return [{"series": name, "values": f"{shown(before.get(name))} {shown(after.get(name))}"} for name in names]


def rings(at: str, *alerts: str) -> dict[str, Any]:
    """That these are firing at that time, and no others."""
    return {
        "expr": 'sum by (alertname, namespace, action, instance) (ALERTS{alertstate="firing"})',
        "eval_time": at,
        "exp_samples": [{"labels": labels, "value": 1} for labels in alerts],
    }


def ring(name: str, **labels: str) -> str:
    return spelled("", alertname=f"ExecutionWal{name}", **labels)


def rings_of(name: str, at: str, namespaces: list[str]) -> dict[str, Any]:
    """In which namespaces this one is firing."""
    expression = f'sum by (namespace) (ALERTS{{alertname="ExecutionWal{name}", alertstate="firing"}})'
    return {
        "expr": expression,
        "eval_time": at,
        "exp_samples": [{"labels": spelled("", namespace=each), "value": 1} for each in namespaces],
    }


def silent(at: str) -> dict[str, Any]:
    """That no alert is firing, nor will be soon."""
    return {"expr": "ALERTS", "eval_time": at, "exp_samples": []}


def all_is_well() -> str:
    """The expression of the dashboard's first panel."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    (panel,) = [panel for panel in panels if panel["title"] == "All is well"]
    return str(panel["targets"][0]["expr"])


def says(value: int, namespace: str, at: str) -> dict[str, Any]:
    expression = all_is_well().replace("$namespace", namespace)
    return {"expr": expression, "eval_time": at, "exp_samples": [{"labels": "{}", "value": value}]}


def test_promtool_takes_the_rules_and_the_configuration_that_loads_them() -> None:
    promtool("check", "rules", "--lint-fatal", str(RULES))
    promtool("check", "config", "--lint-fatal", str(MONITORING / "prometheus.yaml"))


@pytest.mark.server
def test_what_is_wrong_rings_where_it_is_wrong_and_nothing_rings_while_all_is_well(
    own_server: Server, tmp_path: Path
) -> None:
    with own_server.client() as client:
        logs = {name: Troubled(Log(client, own_server.url, name)) for name in NAMESPACES}
        client.config_set("maxmemory", "100gb")
        make_well(logs)
        well = scraped(own_server.url)
        client.config_set("maxmemory", 1)
        full = scraped(own_server.url)
        client.config_set("maxmemory", "100gb")
        make_wrong(logs)
        wrong = scraped(own_server.url)

    one, other = (spelled("up", instance=name, job="execution-wal") for name in ("a", "b"))
    foreign = spelled("up", instance="c", job="node")
    soon = spelled("execution_wal_memory_full_seconds", namespace="well")
    missing = spelled("execution_wal_missing_unaccepted_operations", namespace="broken")
    tests = [
        {
            "input_series": series({one: 1, **well}, {one: 1, **wrong}),
            "promql_expr_test": [
                silent(WELL_AT),
                rings(
                    WRONG_AT,
                    ring("NotProjected", namespace="unprojected"),
                    ring("Lagging", namespace="behind"),
                    ring("Missing", namespace="broken"),
                    ring("Lost", namespace="burnt"),
                    ring("Quarantined", namespace="broken"),
                    ring("OrphansGrowing", namespace="broken"),
                    ring("ArchiveBehind", namespace="broken"),
                    ring("ActionFailing", namespace="broken", action="flaky"),
                    ring("ActionFailing", namespace="broken", action="gone"),
                    ring("Unreadable", namespace="damaged"),
                ),
                says(1, ".*", WELL_AT),
                says(1, "well", WRONG_AT),
                *(says(0, name, WRONG_AT) for name in ("unprojected", "behind", "broken", "damaged")),
            ],
        },
        {
            "input_series": series(well, full),
            "promql_expr_test": [rings(WRONG_AT, *(ring("MemoryFull", namespace=name) for name in NAMESPACES))],
        },
        {
            "input_series": series(well, well | {soon: 5 * 3600}),
            "promql_expr_test": [rings(WRONG_AT, ring("MemoryFillsUp", namespace="well"))],
        },
        {
            "input_series": series({one: 1, other: 1, **well}, {one: 1, other: 0, foreign: 0, **well}),
            "promql_expr_test": [silent(WELL_AT), rings(WRONG_AT, ring("ScrapeDown", instance="b"))],
        },
        {
            "input_series": series({one: 1, **well}, {one: 0}),
            "promql_expr_test": [rings(WRONG_AT, ring("ScrapeDown", instance="a"), ring("NotScraped"))],
        },
        {"input_series": series({one: 1}, {one: 1}), "promql_expr_test": [silent(WRONG_AT)]},  # no namespace yet
        {  # until somebody accepts it
            "input_series": series({one: 1, **wrong}, {one: 1, **wrong, missing: 0}),
            "promql_expr_test": [rings_of("Missing", WELL_AT, ["broken"]), rings_of("Missing", WRONG_AT, [])],
        },
    ]
    file = tmp_path / "tests.json"
    given = {"rule_files": [str(RULES)], "evaluation_interval": "5m"}
    file.write_text(json.dumps(given | {"tests": [{"interval": "1m", **test} for test in tests]}))
    promtool("test", "rules", str(file))
    rung = set(re.findall(r'alertname=\\"ExecutionWal(\w+)\\"', file.read_text()))
    assert {f"ExecutionWal{name}" for name in rung} == {alert["alert"] for alert in ALERTS}


def test_each_alert_names_a_command_that_helps() -> None:
    apps: dict[str, Any] = {"producer": get_command(producer_app), "projector": get_command(projector_app)}
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning")
        commands = re.findall(r"`(producer|projector) ([^`]+)`", alert["annotations"]["description"])
        assert commands
        for program, words in commands:
            found = apps[program]
            for word in words.split():
                if not hasattr(found, "commands"):
                    break
                found = found.commands[word]
            options = {option for parameter in found.params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", words)) <= options


def test_the_page_about_them_has_each_alert_with_its_severity() -> None:
    table = re.findall(r"^\| `(\w+)` \| (\w+) \|", (MONITORING.parent / "monitoring.md").read_text(), re.MULTILINE)
    assert table == [(alert["alert"], alert["labels"]["severity"]) for alert in ALERTS]
