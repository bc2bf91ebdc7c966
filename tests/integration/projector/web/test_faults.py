"""What may go wrong with the server, the projector and the projection: each page says so in words, none breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from projector.web.app import PAGES
from tests.support.projection import Log, completed, gaps_accepted
from tests.support.servers import Server, eventually, running
from tests.support.serving import record_a_little, served

pytestmark = pytest.mark.server

Damage = Callable[[Log], Any]
ABOUT = {"/action": "?id=deploy", "/trail": "?resource=lock:*"}
TROUBLES = (200, 404, 500, 502, 503)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Every test leaves it as it was."""
    yield from running(tmp_path_factory.mktemp("server"))


@pytest.fixture
def log(server: Server, namespace: str) -> Log:
    """A log of every kind of entry, whose lease somebody holds."""
    made = Log(server.client(), server.url, namespace)
    record_a_little(made)
    made.add(b"\xff")
    made.drain()
    made.client.set(made.key("lease"), "host:1:projector", px=3_600_000)
    return made


def of_each_page(run: str) -> list[str]:
    return [page.path + (f"?id={run}" if page.path == "/run" else ABOUT.get(page.path, "")) for page in PAGES]


def told(client: httpx.Client, run: str) -> dict[str, tuple[int, str]]:
    """What each page says: its status and its words; none of them is broken."""
    found = {}
    for path in of_each_page(run):
        answer = client.get(path)
        assert answer.status_code in TROUBLES, path
        assert "<h1" in answer.text, (path, answer.text[-500:])
        assert "Traceback" not in answer.text
        assert ("remark bad" in answer.text) or answer.status_code == 200, path
        found[path.partition("?")[0]] = answer.status_code, answer.text
    return found


def replaced(log: Log, name: str) -> None:
    log.client.delete(log.key(name))
    log.client.set(log.key(name), "x")


DAMAGES: dict[str, tuple[Damage, str, set[str]]] = {
    "failures a string": (lambda log: log.client.set(log.key("failures"), "x"), "failures", {"/failures"}),
    "executions garbage": (lambda log: log.client.lpush(log.key("executions"), "{"), "executions", {"/runs"}),
    "executions half a character": (
        lambda log: log.client.lpush(log.key("executions"), b'{"action_id":"\\ud800","entry_id":"1-0"}'),
        "executions",
        {"/runs"},
    ),
    "cleanups garbage": (lambda log: log.client.lpush(log.key("cleanups"), "[]"), "cleanups", {"/cleanups"}),
    "in flight garbage": (
        lambda log: log.client.hset(log.key("in_flight"), "k", "{}"),
        "in_flight",
        {"/", "/in-flight"},
    ),
    "orphans garbage": (lambda log: log.client.hset(log.key("orphans"), "k", "null"), "orphans", {"/in-flight"}),
    "an action a list": (
        lambda log: (log.client.delete(log.key("action:deploy")), log.client.lpush(log.key("action:deploy"), "x")),
        "action:deploy",
        {"/", "/action", "/actions"},
    ),
    "an action garbage": (
        lambda log: log.client.hset(log.key("action:deploy"), "failures", "many"),
        "action:deploy",
        {"/", "/action", "/actions"},
    ),
    "durations garbage": (
        lambda log: log.client.hset(log.key("durations:deploy"), "x", "-3"),
        "durations:deploy",
        {"/", "/action", "/actions"},
    ),
    "actions a string": (
        lambda log: (log.client.delete(log.key("actions")), log.client.set(log.key("actions"), "x")),
        "actions",
        {"/", "/actions"},
    ),
    "totals garbage": (lambda log: log.client.hset(log.key("totals"), "failures", "x"), "totals", {"/"}),
    "scanners garbage": (
        lambda log: log.client.hset(log.key("scanner:locks"), "last_at", "x"),
        "scanner",
        {"/cleanups"},
    ),
    "producers garbage": (lambda log: log.client.hset(log.key("producers"), "p", "{"), "producers", {"/health"}),
    "verified garbage": (lambda log: log.client.set(log.key("verified"), "{"), "verified", {"/", "/health"}),
    "rollups a string": (
        lambda log: [
            (log.client.delete(key), log.client.set(key, "x"))
            for key in log.client.scan_iter(f"{{{log.namespace}}}:hours*")
        ],
        "hours",
        {"/action"},
    ),
    "failure kinds garbage": (
        lambda log: [log.client.hset(key, "k", "{") for key in log.client.scan_iter(f"{{{log.namespace}}}:*kinds*")],
        "kinds",
        {"/"},
    ),
}
"""By what was done: how, which key is named, and pages that have to say so."""


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_key_is_named_where_it_matters_and_the_rest_is_there(log: Log, case: str) -> None:
    damage, key, pages = DAMAGES[case]
    run = log.records("failures")[0]["entry_id"]
    damage(log)
    with served(log.url, log.namespace) as client:
        found = told(client, run)
    for path in pages:
        status, text = found[path]
        assert key in text, path
        assert ("remark bad" in text) or status != 200, path
    assert found["/log"][0] == 200
    assert found["/namespaces"][0] == 200
    assert found["/"][0] == 200
    assert "/" not in pages or "All is well" not in found["/"][1]
    assert "exit status 3" in found["/log"][1]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda log: log.client.hset(log.key("checkpoint"), "entries", "x"), "checkpoint"),
        (
            lambda log: (log.client.delete(log.key("checkpoint")), log.client.set(log.key("checkpoint"), "x")),
            "checkpoint",
        ),
        (lambda log: log.client.delete(log.key("checkpoint")), "without its checkpoint"),
        (lambda log: log.client.hset(log.key("checkpoint"), "torn", "1"), "half written"),
        (lambda log: log.client.persist(log.key("lease")), "lease, which never ends"),
        (lambda log: log.client.delete(log.key("lease")), "no projector is active"),
        (lambda log: (log.client.delete(log.key("wal")), log.client.set(log.key("wal"), "x")), "wal"),
        (lambda log: log.client.xtrim(log.key("wal"), 2, approximate=False), "deleted from the log"),
        (lambda log: replaced(log, "in_flight"), "in_flight"),
    ],
    ids=[
        "checkpoint garbage",
        "checkpoint a string",
        "no checkpoint",
        "torn",
        "lease",
        "no lease",
        "no log",
        "trimmed",
        "in flight a string",
    ],
)
def test_what_is_wrong_with_all_of_it_is_on_every_page(log: Log, damage: Damage, words: str) -> None:
    run = log.records("failures")[0]["entry_id"]
    damage(log)
    with served(log.url, log.namespace) as client:
        found = told(client, run)
        for path in ("/", "/runs", "/health"):
            assert words in found[path][1], (path, found[path][1])
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200


def test_the_findings_of_before_do_not_contradict_what_is_wrong_now(log: Log) -> None:
    with served(log.url, log.namespace) as client:
        assert "none is active" not in client.get("/health").text
        log.client.delete(log.key("lease"))
        found = client.get(f"/health?namespace={log.namespace}").text  # the page itself is kept for a moment
    assert "no projector is active" in found
    assert "none is active" in found


def test_what_is_missing_is_told_as_settled_once_somebody_has_accepted_it(log: Log) -> None:
    log.client.delete(log.key("lease"))
    log.add(completed("deploy"), "by", "host:1:abcdefgh", "seq", "4")
    log.drain()
    with served(log.url, log.namespace) as client:
        for path in ("/", "/health"):
            assert "2 operations missing: recorded or attempted" in client.get(path).text
        log.add(gaps_accepted("host:1:abcdefgh", 3, "burnt", 1, by="me"))
        log.drain()
        for path in ("/?n=1", "/health?n=1"):
            assert "2 operations missing for good" in client.get(path).text


def test_no_namespace_and_an_empty_one_are_said(server: Server) -> None:
    for names, words in ((("nobody-*",), "no namespace is like"), (("empty",), "Nothing has been recorded yet")):
        with served(server.url, *names) as client:
            found = told(client, "1-0")
            assert words in found["/"][1] + found["/runs"][1], names
            assert found["/"][0] == found["/runs"][0] == found["/health"][0] == found["/namespaces"][0] == 200
            assert "'/nosuch'; there are: / /actions " in client.get("/nosuch").text


def test_full_memory_is_said_and_everything_can_be_read(log: Log) -> None:
    run = log.records("failures")[0]["entry_id"]
    try:
        log.client.config_set("maxmemory", "1mb")
        with served(log.url, log.namespace) as client:
            found = told(client, run)
        assert {status for status, _ in found.values()} == {200}
        assert "memory" in found["/"][1]
        assert "memory" in found["/health"][1]
    finally:
        log.client.config_set("maxmemory", "0")


def test_a_server_that_answers_no_more_is_said_within_seconds_and_is_found_again(own_server: Server) -> None:
    """It is stopped, so that connections stand and nothing comes; then it is gone."""
    with own_server.client() as client:
        log = Log(client, own_server.url, "away")
        log.add_completions(3, "deploy")
        log.drain()
    with served(own_server.url, "away") as page:
        assert page.get("/runs").status_code == 200
        with own_server.frozen():
            for path in ("/actions?q=d", "/log?grep=x"):
                answer = page.get(path)
                assert (answer.status_code, "No answer at the moment" in answer.text) == (503, True)
                assert answer.headers["retry-after"] == "5"
            assert page.get("/readyz").status_code == 503
            assert page.get("/static/page.js").status_code == page.get("/livez").status_code == 200
        eventually(lambda: page.get("/log?grep=deploy").status_code == 200, what="the server to be found")

        with page.stream("GET", "/live") as live:
            lines = live.iter_lines()
            assert next(lines) == "retry: 5000"
            eventually(lambda: page.get("/runs").status_code == 200, what="a look")
            own_server.kill()
            assert next(line for line in lines if line.startswith("event:")) == "event: away"
            assert str(own_server.port) in next(lines)
            found = told(page, "1-0")
            assert {status for status, _ in found.values()} == {503}
            assert any("start that server" in text for _, text in found.values())
            own_server.start()
            assert next(line for line in lines if line.startswith("event:")) == "event: changed"
        eventually(lambda: page.get("/").status_code == 200, what="the overview")
