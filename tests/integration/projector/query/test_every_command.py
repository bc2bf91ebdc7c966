"""Every command that reads, in namespaces without anything, with much, and with texts that would command a
terminal in every string: on a terminal of 60 columns, into a pipe, and in the forms for programs."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator
from rich.cells import cell_len

from projector.bounds import Bounds
from projector.cli import main
from projector.cli.app import app
from projector.cli.display.wording import visible
from tests.support import hostile
from tests.support.projection import Log, cleaned, completed, gaps_accepted, orphaned, resolved, started
from tests.support.servers import Server

pytestmark = pytest.mark.server

SCHEMAS = Path(__file__).parents[4] / "docs" / "schema"
WIDTH = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A command line, whose words in capitals stand for names of the namespace; `document` is its schema. `statuses`
    are its exit statuses where they are not 0, by namespace, `for_programs` also in the forms for programs. A
    terminal breaks `lines` itself. `tells` says whether the output has texts of the namespace."""

    words: str
    document: str = ""
    statuses: Mapping[str, int] = field(default_factory=dict)
    for_programs: bool = True
    lines: bool = False
    tells: bool = True


NOTHING: dict[str, Any] = {"statuses": {"empty": 1}}
NO_PAGE: dict[str, Any] = {"statuses": {"empty": 1}, "for_programs": False}
CASES = [
    Case("stats", "stats"),
    Case("stats ACTION", "stats-action", **NO_PAGE),
    Case("recent", "recent"),
    Case("recent --action ACTION", "recent", **NO_PAGE),
    Case("failures", "failures"),
    Case("failures --grouped --since 1h", "failures-grouped"),
    Case("cleanups", "cleanups"),
    Case("cleanups --scanner SCANNER", "cleanups", **NO_PAGE),
    Case("recent --label LABEL --since 1h", "recent"),
    Case("failures --host HOST --grep GREP", "failures"),
    Case("cleanups --resource RESOURCE --since 1h", "cleanups"),
    Case("in-flight", "in-flight"),
    Case("in-flight --orphans", "in-flight-orphans"),
    *(Case(f"show {what}", "show", **NOTHING) for what in ("RUN", "OPEN", "SETTLED", "START", "CLEANUP", "DECISION")),
    Case("trail RESOURCE", "trail"),
    Case("log", "log"),
    Case("log --action ACTION --reverse", "log"),
    Case("history --until UNTIL", "history", tells=False),
    Case("history ACTION --by day --until UNTIL", "history", **NO_PAGE, tells=False),
    Case("status", "status"),
    Case("status --check", "status", {"empty": 1, "busy": 1}),
    Case("namespaces", "namespaces", tells=False),
    Case("check ACTION", "", {"empty": 2, "busy": 2, "hostile": 2}, lines=True),
    Case("check nosuch", "", {"empty": 3, "busy": 3, "hostile": 3}, lines=True, tells=False),
    Case("check --all", "", {"empty": 2, "busy": 2, "hostile": 2}, lines=True),
    Case("quarantine list", "quarantine-list"),
    Case("quarantine show QUARANTINED", "quarantine-show", **NOTHING),
    Case("verify", "verify", {"damaged": 1}, lines=True, tells=False),
    Case("doctor --interval 0", "doctor", {"empty": 1, "busy": 1, "hostile": 1, "damaged": 1}),
]
FORMS = {"json": ["--json"], "jsonl": ["--jsonl"], "csv": ["--format", "csv"]}


COMMAND: Any = typer.main.get_command(app)


def has_form(words: str, form: str) -> bool:
    """Whether the command that `words` begin with takes the options of that form."""
    found = COMMAND
    for word in words.split():
        found = getattr(found, "commands", {}).get(word, found)
    return any(FORMS[form][0] in parameter.opts for parameter in found.params)


PLACES = {
    "terminal": ("empty", "busy", "hostile"),
    "pipe": ("hostile", "damaged"),
    "json": ("empty", "hostile"),
}
RUNS = [
    pytest.param(case, form, place, id=f"{case.words} {form} {place}")
    for case in CASES
    for form in ("terminal", "pipe", *(name for name in FORMS if has_form(case.words, name)))
    for place in PLACES.get(form, ("hostile",))
]
"""Each form where it differs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace, and what the words of the command lines mean there."""

    log: Log
    meaning: Mapping[str, str]

    def words(self, case: Case) -> list[str]:
        command = [self.meaning.get(word, word) for word in case.words.split()]
        return [*command, "--url", self.log.url, "--namespace", self.log.namespace]


def _new(server: Server, bounds: Bounds | None = None) -> Log:
    return Log(server.client(), server.url, f"t{secrets.token_hex(6)}", bounds)


def _busy(server: Server) -> tuple[Log, dict[str, str]]:
    """More of everything than lists and tables have room for."""
    log, now = _new(server, Bounds(max_entries=50, max_action_entries=5)), int(time.time() * 1000)
    numbers, found = iter(range(1, 10_000)), {}

    def add(operation: str) -> str:
        return log.add(operation, "by", f"host-{next(numbers) % 3}:42:abcdef", "seq", str(next(numbers)))

    for number in range(120):
        name, run, at = f"action-{number % 40}", f"run-{number:03}", now - 1000 * number
        labels = {"host": f"host-{number % 3}.example.com", "user": "ann", "cwd": f"/srv/{name}", "team": "a, b"}
        add(started(name, run, started_at=at, command=f"make {name}", attempt=1 + number % 3, labels=labels))
        if number % 5:
            error = None if number % 3 else f"connection to host-{number}.example.com:5432 refused after {number} s"
            ended = {"output": f"line {number}\n", "exit_code": number % 3, "duration_ms": number**3, "error": error}
            found["end"] = add(completed(name, number % 3 > 0, run, completed_at=at + 500, labels=labels, **ended))
        for resource in ("lock:deploy", f"worktree:/srv/{number}"):
            found["cleanup"] = add(cleaned(resource, run, scanner_id=f"scanner-{number % 9}", executed_at=at + 300))
    found["start"] = add(started("action-1", "open"))
    for name in ("dead", "settled"):
        add(started("action-1", name))
        add(orphaned("action-1", name, "silent for 2 min", now))
    add(resolved("action-1", "settled", "the host lost power", now, by="eve"))
    found["decision"] = add(gaps_accepted("host-1:42:abcdef", 2, "the disk burnt", now, by="eve"))
    for number in range(20):
        found["quarantined"] = log.add(f"no operation {number}")
    log.drain()
    return log, found


NAMES = {"ACTION": "action-1", "SCANNER": "scanner-1", "RESOURCE": "lock:deploy", "RUN": "run-001", "OPEN": "open"}
NAMES |= {"LABEL": "team=a, b", "HOST": "host-*", "GREP": "refused"}
HOSTILE = {"ACTION": hostile.ACTION, "SCANNER": hostile.SCANNER, "RESOURCE": hostile.RESOURCE, "RUN": hostile.RUN}
HOSTILE |= {"LABEL": f"user={hostile.LABELS['user']}", "HOST": hostile.LABELS["host"], "GREP": hostile.ERROR}


@pytest.fixture(scope="module")
def places(shared_server: Server) -> dict[str, Place]:
    absent = {"START": "1-1", "CLEANUP": "1-2", "DECISION": "1-3", "QUARANTINED": "1-4", "SETTLED": "settled"}
    names, texts = ({**known, "UNTIL": str(int(time.time() * 1000) + 5000)} for known in (NAMES | absent, HOSTILE))
    found = {"empty": Place(_new(shared_server), names)}
    log, entries = _busy(shared_server)
    found["busy"] = Place(log, names | {name.upper(): entry for name, entry in entries.items()})
    for name in ("hostile", "damaged"):
        log = _new(shared_server)
        entries = hostile.fill(log, at=int(time.time() * 1000) - 1_000_000)
        more = {"OPEN": hostile.OPEN[:200], "SETTLED": hostile.SETTLED}
        found[name] = Place(log, texts | more | {name.upper(): entry for name, entry in entries.items()})
    _damage(log)
    return found


def _damage(log: Log) -> None:
    """Put what cannot be read under keys of every kind."""
    for name in ("executions", f"executions:{hostile.ACTION}", "failures", "cleanups"):
        log.client.lset(log.key(name), 0, hostile.ERROR)
    hashes = [log.key(f"{kind}:{hostile.ACTION}").encode() for kind in ("action", "durations", "failure_kinds")]
    hashes += [log.key(name).encode() for name in ("totals", "in_flight", "orphans")]
    for key in (*hashes, *log.client.scan_iter(log.key("history:*"))):
        log.client.hset(key, hostile.ACTION, hostile.ERROR)


class _Stdout(io.TextIOWrapper):
    """Keeps what is written; a terminal, if it is one."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), "utf-8", newline="")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        self.flush()
        kept: Any = self.buffer
        return str(kept.getvalue().decode())


def run(patch: pytest.MonkeyPatch, words: list[str], *, is_terminal: bool = False) -> tuple[int, str, str]:
    """The command line `words` in this process: its exit status, and what it wrote to stdout and to stderr."""
    out, err = _Stdout(is_terminal=is_terminal), _Stdout(is_terminal=False)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "WAL_URL", "WAL_NAMESPACE", "WAL_ARCHIVE"):
        patch.delenv(name, raising=False)
    patch.setenv("TERM", "xterm-256color")
    if is_terminal:
        patch.setenv("COLUMNS", str(WIDTH))
    patch.setattr(sys, "argv", ["projector", *words])
    patch.setattr(typer.main, "get_command", lambda _: COMMAND)  # instead of building all commands for each
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "stderr", err)
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.text, err.text


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settings file that expects something of an action of each namespace."""
    file = tmp_path_factory.mktemp("settings") / "config.toml"
    names = (json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f") for name in ("action-1", hostile.ACTION))
    file.write_text("".join(f"[expect.{name}]\nmax_failures = 0\nevery = '1s'\ngrace = '1s'\n" for name in names))
    return file


def test_no_command_that_reads_is_left_out() -> None:
    reading = {name for name, command in COMMAND.commands.items() if command.rich_help_panel == "Read"}
    assert reading - {case.words.split()[0] for case in CASES} == {"tail", "top"}  # which do not end by themselves


@pytest.mark.parametrize(("case", "form", "place"), RUNS)
def test_it_ends_as_documented_and_commands_no_terminal(
    places: dict[str, Place], settings: Path, monkeypatch: pytest.MonkeyPatch, case: Case, form: str, place: str
) -> None:
    monkeypatch.setenv("WAL_CONFIG", str(settings))
    words = [*places[place].words(case), *FORMS.get(form, [])]
    status, out, err = run(monkeypatch, words, is_terminal=form == "terminal")
    expected = case.statuses.get(place, 0) if case.for_programs or form not in FORMS else 0
    if place == "damaged" and status and "repair it with: projector rebuild" in err + out:
        expected = status  # whatever comes first upon what cannot be read
    assert (status, "Traceback" in err) == (expected, False), err
    assert hostile.obeyed(err) == []
    if status and not out:
        assert re.fullmatch("projector: .+\n", err)
    elif form in FORMS:
        as_json = out if form == "json" else run(monkeypatch, [*places[place].words(case), "--json"])[1]
        check_form(case, form, out, as_json)
    else:
        assert hostile.obeyed(out, coloured=form == "terminal") == []
        table, *_ = re.split("^.{,9}(Error|Output)", out, maxsplit=1, flags=re.MULTILINE)  # the run's own lines
        if form == "terminal" and not case.lines:
            assert [line for line in table.splitlines() if cell_len(hostile.uncoloured(line)) > WIDTH] == []
        if form == "pipe" and place == "hostile" and case.tells:
            assert hostile.SHOWN in out


def test_raw_lines_of_the_log_are_escaped_for_a_terminal_alone(
    places: dict[str, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = places["hostile"].words(Case("log --raw"))
    (_, raw, _), (_, shown, _) = (run(monkeypatch, words, is_terminal=terminal) for terminal in (False, True))
    assert hostile.obeyed(shown) == []
    assert [visible(line) for line in raw.split("\n")] == shown.split("\n")
    assert hostile.ERROR in (json.loads(line)["op"].get("error") for line in raw.split("\n") if '"op":{' in line)


def check_form(case: Case, form: str, out: str, as_json: str) -> None:
    """`out` says the same as the document `as_json`, which is as its schema has it."""
    document = json.loads(as_json)
    if form == "json":
        schema = json.loads((SCHEMAS / f"{case.document}.json").read_text())
        Draft202012Validator(schema).validate(document)
        assert as_json.isascii()
        return
    lists = (document.get(name) for name in ("records", "actions")) if isinstance(document, dict) else [document]
    expected = next((rows for rows in lists if rows is not None), [document])
    if form == "jsonl":
        assert out.isascii()
        rows = [json.loads(line) for line in out.splitlines()]
    else:
        heading, *rows = csv.reader(io.StringIO(out, newline=""))
        rows = [dict(zip(heading, row, strict=True)) for row in rows]
        expected = [{name: in_csv(value) for name, value in row.items()} for row in expected]
    assert rows == [{name: row[name] for name in rows[0]} for row in expected]


def in_csv(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool | dict | list) else "" if value is None else str(value)
