"""The API: what a command prints, by HTTP; and in words what was wrong with a request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from projector.errors import TooMuchWork
from projector.web.api.openapi import description
from projector.web.api.routes import api_routes
from projector.web.site import Settings, Site
from tests.support.commands import projector
from tests.support.projection import Log, cleaned, completed, orphaned, started
from tests.support.servers import Server

pytestmark = pytest.mark.server

SCHEMAS = Path(__file__).parents[4] / "docs" / "schema"
HOUR = {"since": "1970-01-01T00:00:00Z", "until": "1970-01-01T01:00:00Z"}
ODD = 'de/ploy "a"\n ü =1+1\n'
Ask = dict[str, Any]
CASES: list[tuple[str, str, Ask, list[str]]] = [
    ("stats", "stats", {"sort": "volume", "limit": 1}, ["stats", "--sort", "volume", "--limit", "1"]),
    ("stats-action", f"stats/{quote(ODD, safe='')}", {}, ["stats", ODD]),
    ("stats-action", "stats/nosuch", {}, ["stats", "nosuch"]),
    ("recent", "recent", {"failed": "true", "grep": "É"}, ["recent", "--failed", "--grep", "É"]),
    ("recent", "recent", {"action": ODD, "label": "team=a, b"}, ["recent", "--action", ODD, "--label", "team=a, b"]),
    (
        "recent",
        "recent",
        {"since": HOUR["since"], "limit": 1},
        ["recent", "--since", "1970-01-01T00:00:00Z", "--limit", "1"],
    ),
    (
        "failures",
        "failures",
        {"longer-than": "1s", "failed": "true", "grep": ""},
        ["failures", "--longer-than", "1s"],
    ),
    ("failures-grouped", "failures", {"grouped": "true"}, ["failures", "--grouped"]),
    ("cleanups", "cleanups", {"ok": "true", "resource": "lock:*"}, ["cleanups", "--ok", "--resource", "lock:*"]),
    ("cleanups", "cleanups", {"scanner": "nosuch"}, ["cleanups", "--scanner", "nosuch"]),
    ("in-flight-orphans", "in-flight", {"orphans": "true"}, ["in-flight", "--orphans"]),
    ("history", "history", {**HOUR, "by": "minute"}, ["history", *HOUR, "--by", "minute"]),
    ("history", "history/a", HOUR, ["history", "a", *HOUR]),
    ("show", "show/x", {}, ["show", "x"]),
    ("show", "show/nightly/2026-11-28", {}, ["show", "nightly/2026-11-28"]),
    ("trail", "trail/lock:*", {"limit": 1}, ["trail", "lock:*", "--limit", "1"]),
    ("log", "log", {"type": "completed", "reverse": "true"}, ["log", "--type", "completed", "--reverse"]),
    ("namespaces", "namespaces", {}, ["namespaces"]),
    ("quarantine-list", "quarantine", {}, ["quarantine", "list"]),
    ("quarantine-show", "quarantine/9-0", {}, ["quarantine", "show", "9-0"]),
]
ALONE = {
    "scanners": "scanner_id,total_cleanups,successes,failures,last_at,last_error,last_entry_id,actions\nlocks,2,",
    "producers": "by,namespace,seq,missing,gaps,accepted,entry_id,at,alive\nh:1:abcdefgh,api-tests,1,0,[],0,5-0,",
}
"""The paths that no command is like, each its own document, and how their rows begin."""
MOVING = {"in-flight": "in-flight", "status": "status", "doctor": "doctor?interval=0"}
"""What is another in each moment, or would be."""


def words(command: list[str]) -> list[str]:
    return [word for each in command for word in (("--" + each, HOUR[each]) if each in HOUR else (each,))]


@pytest.fixture(scope="session")  # the log outlives the module, to which xdist may come back
def log(shared_server: Server) -> Log:
    made = Log(shared_server.client(), shared_server.url, "api-tests")
    now = 1_790_000_000_000
    labels = {"host": "h", "team": "a, b"}
    made.add(started("a", "x"), entry_id="1-0")
    made.add(orphaned("a", "x", "silent", now), entry_id="2-0")
    made.add(started("a", "y"), entry_id="3-0")
    made.add(completed("a", False, "y", error="é: no such host", duration_ms=5000), entry_id="4-0")
    made.add(completed(ODD, labels=labels), "by", "h:1:abcdefgh", "seq", "1", entry_id="5-0")
    made.add(cleaned("lock:a"), entry_id="6-0")
    made.add(cleaned("lock:b/c"), entry_id="7-0")
    made.add(started("b", "nightly/2026-11-28"), entry_id="8-0")
    made.add(b"\xff", entry_id="9-0")
    made.drain()
    return made


def site_of(log: Log, *namespaces: str) -> Site:
    return Site(Settings(url=log.url, namespaces=namespaces or (log.namespace,), prefix="/wal"))


@pytest.fixture(scope="module")
def site(log: Log) -> Iterator[Site]:
    made = site_of(log)
    yield made
    made.limits.close()
    made.query.close()


def get(site: Site, path: str, **parameters: Any) -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=api_routes(site)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as client:
            return await client.get(path, params=parameters or None)

    return asyncio.run(answer())


def printed(log: Log, *command: str) -> str:
    return projector(*command, "--url", log.url, "--namespace", log.namespace).stdout


@pytest.mark.parametrize(
    ("document", "path", "asked", "command"), CASES, ids=[f"{each[1]} {each[2]}" for each in CASES]
)
def test_a_path_answers_what_the_command_prints(
    site: Site, log: Log, document: str, path: str, asked: Ask, command: list[str]
) -> None:
    answer = get(site, path, **asked)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    assert answer.text == printed(log, *words(command), "--json")
    Draft202012Validator(json.loads((SCHEMAS / f"{document}.json").read_text())).validate(answer.json())


@pytest.mark.parametrize(("document", "path"), MOVING.items(), ids=MOVING)
def test_what_moves_is_the_document_of_the_command(site: Site, document: str, path: str) -> None:
    answer = get(site, path)
    Draft202012Validator(json.loads((SCHEMAS / f"{document}.json").read_text())).validate(answer.json())


@pytest.mark.parametrize("path", ALONE)
def test_what_no_command_prints_has_a_document_and_rows_of_its_own(site: Site, path: str) -> None:
    Draft202012Validator(json.loads((SCHEMAS / f"{path}.json").read_text())).validate(get(site, path).json())
    assert get(site, path, format="csv").text.startswith(ALONE[path])


def test_actions_are_chosen_by_a_part_of_their_names(site: Site) -> None:
    every, chosen = get(site, "stats").json(), get(site, "stats", q="PLOY").json()
    assert [each["action_id"] for each in chosen["actions"]] == [ODD]
    assert chosen == {**every, "actions": chosen["actions"]}
    assert get(site, "stats", q="PLOY", format="jsonl").text.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "form", "media"),
    [("recent", "csv", "text/csv; charset=utf-8"), ("stats", "csv", "text/csv; charset=utf-8"),
     ("stats/a", "csv", "text/csv; charset=utf-8"), ("history", "jsonl", "application/x-ndjson"),
     ("log", "jsonl", "application/x-ndjson")],
)  # fmt: skip
def test_rows_are_those_of_the_command(site: Site, log: Log, path: str, form: str, media: str) -> None:
    until = {"until": "1970-01-01T01:00:00Z"} if path == "history" else {}
    answer = get(site, path, format=form, download="true", **until)
    command = [*path.split("/"), *(["--until", until["until"]] if until else [])]
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"] == f'attachment; filename="{command[0]}.{form}"'
    assert answer.text == printed(log, *command, *(["--jsonl"] if form == "jsonl" else ["--format", "csv"]))


@pytest.mark.parametrize(
    ("path", "asked", "parameter", "told"),
    [
        ("recent", {"nosuch": "1"}, "nosuch", "expected one of action, scanner,"),
        ("stats", {"action": "a"}, "action", "expected one of sort, q, limit,"),
        ("recent", {"limit": "10001"}, "limit", "expected a whole number from 0 to 10000, found '10001'"),
        ("recent", {"limit": ["1", "2"]}, "limit", "expected one value, found several"),
        ("recent", {"failed": "yes"}, "failed", "expected true or false, found 'yes'"),
        ("recent", {"failed": "true", "ok": "true"}, "ok", "it contradicts failed"),
        ("recent", {"since": "5"}, "since", "expected a time such as 2h, yesterday"),
        ("recent", {"since": "2h", "until": "3h"}, "until", "it lies before since"),
        ("recent", {"longer_than": "long"}, "longer_than", "expected a number and ms, s, m"),
        ("cleanups", {"label": "team"}, "label", "expected NAME=VALUE, found 'team'"),
        ("failures", {"ok": "true"}, "ok", "failures are what failed"),
        ("failures", {"grouped": "true", "grep": "x"}, "grouped", "it takes no filter but since, and action"),
        ("log", {"type": "nosuch"}, "type", "expected one of started, completed,"),
        ("log", {"format": "csv"}, "format", "expected one of jsonl, found 'csv'"),
        ("log", {"grep": "x" * 5000}, "grep", "expected at most 4096 characters, found 5000"),
        ("history", {"by": "week"}, "by", "expected one of minute, hour, day"),
        ("quarantine/abc", {}, "id", "expected an entry id"),
        ("events", {"until": "1h"}, "until", "expected one of action, scanner,"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_told(site: Site, path: str, asked: Ask, parameter: str, told: str) -> None:
    answer = get(site, path, **asked)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (400, 400)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["parameter"] == parameter
    assert told in problem["detail"]


def test_several_namespaces_answer_together_and_a_request_chooses_among_them(log: Log) -> None:
    names = (log.namespace, f"{log.namespace}-other")
    site = site_of(log, *names)
    seen = get(site, "doctor", interval=0).json()
    assert [each["namespace"] for each in seen["namespaces"]] == [*names]
    Draft202012Validator(json.loads((SCHEMAS / "doctor-several.json").read_text())).validate(seen)
    both = [word for name in names for word in ("--namespace", name)]
    assert get(site, "recent").text == projector("recent", "--json", "--url", log.url, *both).stdout
    assert get(site, "recent", namespace=names[0]).text == printed(log, "recent", "--json")
    assert get(site, "quarantine", namespace=names[0]).text == printed(log, "quarantine", "list", "--json")
    assert get(site, "quarantine").json()["parameter"] == "namespace"


@pytest.mark.parametrize(
    "path", ["show/nosuch/2026", f"show/{2**64}-0", "quarantine/5-5", "nosuch", "recent?namespace=nosuch", "trail/"]
)
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    answer = get(site, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"]


def test_a_server_that_is_away_or_refuses_is_no_fault_of_the_request(log: Log) -> None:
    away = Site(Settings(url="redis://127.0.0.1:1/0", namespaces=("ns",)))
    refusing = Site(Settings(url=log.url.replace("://", "://nobody:wrong@"), namespaces=("ns",)))
    for site, status in ((away, 503), (refusing, 502)):
        for path in ("status", "events"):
            answer = get(site, path)
            assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
            assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("log", "ask for less, by since and until"),
        (
            "doctor",
            "the examination of 2 namespaces takes too long; ask for fewer, by namespace, or for a shorter interval",
        ),
    ],
)
def test_work_without_end_is_cut_off_in_words(
    log: Log, monkeypatch: pytest.MonkeyPatch, path: str, detail: str
) -> None:
    site, told = site_of(log, log.namespace, *(["api-tests-other"] if path == "doctor" else [])), iter([None])

    async def answer(work: Any) -> Any:
        def progress(_: int, __: int) -> None:
            try:
                next(told)
            except StopIteration:  # it has begun to search
                raise TooMuchWork("ask for less, by since and until") from None

        return await asyncio.to_thread(work, progress)

    monkeypatch.setattr(site.limits, "answer", answer)
    answered = get(site, path)
    assert (answered.status_code, answered.json()["detail"]) == (503, detail)


def test_the_description_is_served(site: Site) -> None:
    assert get(site, "openapi.json").text == description("/wal")
