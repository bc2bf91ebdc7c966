"""docs/monitoring/dashboard.json: a real Prometheus, which scrapes a projector and an engine, answers each query.

It is configured as docs/monitoring/prometheus.yaml says, and so has the alerts, too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from producer import Producer
from producer.metrics import ProducerCollector
from tests.support.fleets import crew
from tests.support.prometheus import Prometheus, scraping
from tests.support.servers import Server, eventually, free_port, running

MONITORING = Path(__file__).parents[4] / "docs" / "monitoring"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
EXPRESSIONS = {
    f"{panel['title']} {target['legendFormat']}".strip(): target["expr"]
    for panel in PANELS
    for target in panel.get("targets", [])
}
CHOSEN = {"$namespace": "otters|more", "$action": ".*", "$__rate_interval": "1m"}


def chosen(text: str) -> str:
    """The text as Grafana sends it."""
    for variable, value in CHOSEN.items():
        text = text.replace(variable, value)
    assert "$" not in text
    return text


def test_panels_have_room_a_meaning_and_the_chosen_source() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or (panel["title"] and panel["description"] and panel["targets"])
    sources = re.findall(r'"uid": ("[^"]*")', json.dumps([PANELS, list(VARIABLES.values())]))
    assert set(sources) == {'"${datasource}"'}
    assert VARIABLES["datasource"]["query"] == "prometheus"


@contextmanager
def served(server: Server, directory: Path) -> Iterator[tuple[Producer, dict[str, Any]]]:
    """A projector that archives, an engine that tells its own metrics, and a configuration that has both scraped."""
    configuration: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(MONITORING / file) for file in configuration["rule_files"]]
    ports = free_port(), free_port()
    for job, port in zip(configuration["scrape_configs"], ports, strict=True):
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "of-kubernetes"}}]
    registry = CollectorRegistry()
    with Producer(server.url, "otters") as producer, crew(server.url, directory) as workers, ExitStack() as stack:
        registry.register(ProducerCollector(producer))
        page, thread = start_http_server(ports[1], "127.0.0.1", registry)
        stack.callback(thread.join)
        stack.callback(page.server_close)
        stack.callback(page.shutdown)
        options = ("--archive", str(directory / "archive"), "--seal-after", "0.1")
        workers.start("--namespace", "otters", "--metrics", f"127.0.0.1:{ports[0]}", *options)
        yield producer, configuration


def record(producer: Producer) -> None:
    for success in (True, True, False):
        with suppress(OSError), producer.execution("deploy", source="manual"):
            if not success:
                raise OSError("refused")
    producer.cleanup_executed("stale-locks", "lock:deploy", "release", True)


def answers(prometheus: Prometheus, expression: str) -> bool:
    """Whether it gives a number; histograms in which nothing came give none."""
    return any(math.isfinite(value) for _, value in prometheus.query(chosen(expression)))


@pytest.mark.server
def test_each_query_has_an_answer_and_each_metric_is_there(tmp_path: Path) -> None:
    with (
        contextmanager(running)(tmp_path / "server", "--maxmemory", "1gb") as server,
        served(server, tmp_path) as (producer, configuration),
        scraping(tmp_path / "prometheus", configuration) as prometheus,
    ):
        record(producer)
        eventually(lambda: prometheus.query("execution_wal_executions_total > 0"), what="a scrape of a run")
        waiting = dict(EXPRESSIONS)

        def all_answered() -> bool:
            record(producer)  # rates need what comes between two scrapes
            for title, expression in list(waiting.items()):
                if answers(prometheus, expression):
                    del waiting[title]
            return not waiting

        try:
            eventually(all_answered, seconds=60)
        except AssertionError:
            pytest.fail(f"no answer to {waiting}")

        def asked(title: str) -> list[tuple[dict[str, str], float]]:
            return prometheus.query(chosen(EXPRESSIONS[title]))

        eventually(lambda: asked("All is well") == [({}, 1)], what="all to be well")
        outcomes = {labels["outcome"] for labels, _ in asked("Runs by outcome {{outcome}}")}
        assert outcomes == {"success", "failure", "orphaned"}
        ((action, rate),) = asked("Failure rate by action {{action}}")
        assert action == {"action": "deploy"}
        assert 0 < rate < 1

        for name, value in (("namespace", "otters"), ("action", "deploy")):
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", VARIABLES[name]["query"]["query"])
            assert found
            assert value in prometheus.label_values(chosen(found[1]), found[2])

        names = set(prometheus.label_values('{__name__=~"execution_wal_.+"}', "__name__"))
        rules = (MONITORING / "alerts.yaml").read_text()
        used = set(re.findall(r"(?<![\w:])execution_wal_\w+", rules + json.dumps(DASHBOARD)))
        assert used - names == set()
        eventually(lambda: {rule["health"] for rule in prometheus.rules()} == {"ok"}, what="each rule evaluated")
