"""The commands that read, over several namespaces and over the partitions of one: what a person and a program see."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.cells import cell_len

from producer.partitions.naming import partitions_key, read_partitions_key
from tests.support.commands import projector
from tests.support.projection import Log, cleaned, completed, started
from tests.support.servers import Server

pytestmark = pytest.mark.server

SCHEMAS = Path(__file__).parents[4] / "docs" / "schema"
TEAMS = ["team-a", "team-b", "team-c"]
PARTITIONS = ["otters.00", "otters.01"]
LONG = "connection to db-17.example.com:5432 refused after 30 s, and then the retries were used up as well"


@dataclass(frozen=True, slots=True)
class Place:
    """A server with three teams' namespaces, one in partitions, and one that nobody has projected."""

    server: Server
    logs: dict[str, Log]

    def run(self, words: str, *namespaces: str, width: int | None = None, **more: str) -> tuple[int, str, str]:
        """Exit status, stdout and stderr of the command, on `width` columns."""
        names = [word for name in namespaces for word in ("--namespace", name)]
        variables: dict[str, Any] = {**more, **({"COLUMNS": str(width)} if width else {})}
        ended = projector(*words.split(), *names, "--url", self.server.url, **variables)
        return ended.returncode, ended.stdout, ended.stderr

    def shown(self, words: str, *namespaces: str, width: int | None = None, **more: str) -> str:
        status, out, err = self.run(words, *namespaces, width=width, **more)
        assert status == 0, err
        return out

    def document(self, words: str, *namespaces: str, name: str = "") -> Any:
        """What --json prints, which is as its schema has it."""
        found = json.loads(self.shown(f"{words} --json", *namespaces))
        schema = json.loads((SCHEMAS / f"{name or words.split()[0]}.json").read_text())
        Draft202012Validator(schema).validate(found)
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    server = Server(tmp_path_factory.mktemp("several")).start()
    logs = {name: Log(server.client(), server.url, name) for name in (*TEAMS, *PARTITIONS, "waiting")}
    now = int(time.time() * 1000)
    for number, (name, log) in enumerate(logs.items()):
        at, run = now - 60_000 * (number + 1), f"{number}f3a5b7c9d0e2f48"
        log.add(started("deploy", run, started_at=at, labels={"user": "ann", "host": "build-1"}))
        log.add(completed("deploy", number % 2 == 0, run, completed_at=at, error=None if number % 2 == 0 else LONG))
        log.add(cleaned(f"lock:{name}", run, executed_at=at))
        log.add(started(f"sync-{name}", f"open-{name}", started_at=at))
        if name != "waiting":
            log.drain()
    for key in (partitions_key("otters"), read_partitions_key("otters")):
        server.client().set(key, 2)
    yield Place(server, logs)
    server.kill()


@pytest.fixture
def led(place: Place) -> Iterator[list[str]]:
    """The namespaces that have an active projector, as far as a reader can tell."""
    led = ["team-a", "team-b", *PARTITIONS]
    for name in led:
        place.server.client().set(place.logs[name].key("lease"), f"host-1:42:{name}", px=600_000)
    yield led
    for name in led:
        place.server.client().delete(place.logs[name].key("lease"))


class TestTables:
    @pytest.mark.parametrize(
        ("words", "namespaces", "expected"),
        [
            ("recent", ["team-*"], TEAMS[::-1]),
            ("recent", ["team-b", "team-a"], ["team-b", "team-a"]),
            ("recent", ["otters"], PARTITIONS[::-1]),
            ("failures", ["*"], ["otters.00", "team-b"]),
            ("cleanups", ["team-*", "otters"], [*PARTITIONS[::-1], *TEAMS[::-1]]),
            ("in-flight", ["team-*"], TEAMS[::-1]),
            ("trail lock:*", ["team-*"], TEAMS[::-1]),
        ],
    )
    def test_the_first_column_names_the_namespace_of_each_row_the_latest_first(
        self, place: Place, words: str, namespaces: list[str], expected: list[str]
    ) -> None:
        header, *lines = place.shown(words, *namespaces).split("\n\n")[0].splitlines()
        assert header.split()[0] == "Namespace"
        assert [line.split()[0] for line in lines] == expected

    def test_failures_that_are_alike_in_several_are_one_kind(self, place: Place) -> None:
        header, line, *_ = place.shown("failures --grouped", "team-*", "otters").splitlines()
        assert header.split()[0] == "Namespace"
        assert line.split()[:3] == ["otters.00", "+1", "2"]
        assert "otters.00, team-b  " in place.shown("failures --grouped --wide", "team-*", "otters")

    @pytest.mark.parametrize("words", ["recent", "failures", "cleanups", "in-flight", "trail lock:*", "stats"])
    def test_of_one_namespace_there_is_no_such_column(self, place: Place, words: str) -> None:
        assert "Namespace" not in place.shown(words, "team-b")

    def test_a_glob_that_takes_one_namespace_says_which(self, place: Place) -> None:
        assert place.shown("recent", "team-b*").splitlines()[1].startswith("team-b")

    def test_at_80_columns_each_run_has_the_id_that_show_takes(self, place: Place) -> None:
        shown = place.shown("failures", "team-*", "otters", width=80)
        header, *lines = shown.split("\n\n")[0].splitlines()
        assert header.split()[:3] == ["Namespace", "When", "Run"]
        assert [line.split()[4] for line in lines] == ["3f3a5b7c", "1f3a5b7c"]
        status, out, err = place.run("show 3f3a5b7c", "team-*", "otters")
        assert status == 0, err
        assert out.splitlines()[0].split() == ["Namespace", "otters.00"]

    @pytest.mark.parametrize("width", [60, 80])
    @pytest.mark.parametrize(
        "words",
        [
            *("stats", "recent", "failures", "failures --grouped", "cleanups", "in-flight", "trail lock:*", "log"),
            *("history", "status", "namespaces"),
        ],
    )
    def test_no_line_is_wider_than_the_terminal(self, place: Place, words: str, width: int) -> None:
        shown = place.shown(words, "team-*", "otters", width=width)
        assert [line for line in shown.splitlines() if cell_len(line) > width] == []

    def test_the_log_merges_by_time_and_begins_with_the_namespace(self, place: Place) -> None:
        lines = place.shown("log --limit 5 --reverse", "team-*").splitlines()
        assert [line.split()[0] for line in lines] == ["team-a"] * 4 + ["team-b"]
        assert {line.split()[0] for line in place.shown("log", "otters").splitlines()} == set(PARTITIONS)
        assert not place.shown("log", "team-a").startswith("team-a")

    def test_stats_adds_up(self, place: Place) -> None:
        first, *rest = place.shown("stats", "team-*").splitlines()
        assert first == "Executions  3  1 failed (33.3 %), 3 running"
        assert next(line for line in rest if line.startswith("deploy")).split()[1:3] == ["3", "1"]
        assert "Executions    3, 1 failed" in place.shown("stats deploy", "team-*")

    def test_history_adds_up(self, place: Place) -> None:
        found = place.document("history", *TEAMS)
        assert sum(point["runs"] for point in found["records"]) == 3


class TestForPrograms:
    @pytest.mark.parametrize(
        ("words", "name"),
        [
            ("recent", ""),
            ("failures", ""),
            ("failures --grouped", "failures-grouped"),
            ("cleanups", ""),
            ("in-flight", ""),
            ("trail lock:*", ""),
            ("log", ""),
        ],
    )
    def test_each_row_has_its_namespace_whether_there_are_several_or_one(
        self, place: Place, words: str, name: str
    ) -> None:
        for namespaces in (["team-*"], ["team-b"]):
            found = place.document(words, *namespaces, name=name)
            rows = found["records"] if isinstance(found, dict) else found
            assert rows
            assert {row["namespace"] for row in rows} <= (set(TEAMS) if namespaces == ["team-*"] else {"team-b"})
            assert "team-b" in {row["namespace"] for row in rows}

    @pytest.mark.parametrize("words", ["stats", "status", "show 0f3a", "namespaces"])
    def test_a_document_of_several_is_as_its_schema_has_it(self, place: Place, words: str) -> None:
        assert place.document(words, "team-*")

    def test_rows_of_csv_have_it_too(self, place: Place) -> None:
        rows = list(csv.DictReader(io.StringIO(place.shown("recent --format csv", "team-*"))))
        assert [row["namespace"] for row in rows] == TEAMS[::-1]


class TestNamespaces:
    def test_a_line_each_and_one_for_all(self, place: Place, led: list[str]) -> None:
        table, notice = place.shown("namespaces", width=100).split("\n\n")
        header, *lines, total = table.splitlines()
        assert header.split() == ["Namespace", "Projector", "Waiting", "Entries", "Missing", "Memory"]
        assert [line.split()[0] for line in lines] == sorted([*TEAMS, *PARTITIONS, "waiting"])
        assert [line.split()[1] for line in lines if line.split()[0] in led] == [
            f"host-1:42:{name}" for name in sorted(led)
        ]
        assert total.split()[:7] == ["6", "in", "all", "4", "active", "4", "20"]
        assert all(line.endswith("KiB") for line in (*lines, total))
        assert notice.splitlines()[0].startswith("2 of 6 namespaces have no active projector (team-c, waiting)")

    @pytest.mark.usefixtures("led")
    def test_rows_for_programs(self, place: Place) -> None:
        document = place.document("namespaces", "team-*")
        rows = [json.loads(line) for line in place.shown("namespaces --jsonl", "team-*").splitlines()]
        assert rows == document
        assert [row["namespace"] for row in rows] == TEAMS
        assert [row["lag"] for row in rows] == [0, 0, 0]
        assert [row["lease_holder"] for row in rows] == ["host-1:42:team-a", "host-1:42:team-b", None]
        assert all(row["memory"] > 1000 for row in rows)
        cells = list(csv.DictReader(io.StringIO(place.shown("namespaces --format csv", "team-*"))))
        assert [row["entries"] for row in cells] == ["4", "4", "4"]

    def test_all_of_them_whatever_a_variable_or_the_settings_file_says(self, place: Place, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text('namespace = "team-a"\n')
        assert len(place.shown("namespaces --jsonl", WAL_NAMESPACE="team-a").splitlines()) == 6
        assert len(place.shown("namespaces --jsonl", WAL_CONFIG=str(file)).splitlines()) == 6

    def test_on_an_empty_server_it_says_how_to_begin(self, place: Place) -> None:
        url = place.server.url.removesuffix("/0") + "/3"
        ended = projector("namespaces", "--url", url)
        told = "nothing has been recorded on this server yet; record something with: producer run --action hello -- "
        assert (ended.returncode, ended.stdout) == (0, f"{told}echo hello\n")


class TestWithoutProjector:
    @pytest.mark.usefixtures("led")
    def test_those_without_are_named_with_the_command(self, place: Place) -> None:
        told = "1 of 3 namespaces has no active projector (team-c); start one: projector run --namespace team-c\n"
        assert place.shown("recent", "team-*").endswith(f"\n\n{told}")
        status, out, err = place.run("status --check", "team-*")
        assert (status, err) == (1, f"projector: {told}")
        assert out.splitlines()[0].split()[0] == "Namespace"
        assert place.run("status --check", "team-a", "team-b")[0] == 0
        assert place.run("status --check", "otters")[0] == 0
        assert place.run("status --check", "nosuch-*")[0] == 1

    def test_none_has_one(self, place: Place) -> None:
        told = "none of 2 namespaces has an active projector; start one: projector run"
        assert place.shown("recent", "otters").endswith(f"\n\n{told}\n")
        assert place.run("status --check", "otters")[2] == f"projector: {told}\n"


class TestNoMatch:
    @pytest.mark.parametrize("words", ["stats", "recent", "failures", "cleanups", "in-flight", "log", "status"])
    def test_no_namespace_is_like_that(self, place: Place, words: str) -> None:
        shown = place.shown(words, "tema-*")
        there = ", ".join(sorted([*TEAMS, *PARTITIONS, "waiting"]))
        assert shown == f"no namespace is like 'tema-*'; namespaces on this server: {there}\n"

    @pytest.mark.parametrize("words", ["stats nosuch", "recent --action nosuch", "cleanups --scanner nosuch"])
    def test_a_name_that_is_in_none_of_them(self, place: Place, words: str) -> None:
        status, _, err = place.run(words, "team-*")
        assert status == 1
        assert " nosuch in namespace team-*; those there are: projector " in err
        assert "--namespace 'team-*'" in err

    def test_a_mistyped_name_among_several_is_told(self, place: Place) -> None:
        shown = place.shown("recent", "team-a", "team-bb")
        assert "nothing has been recorded in namespace team-bb yet. Did you mean team-b?" in shown

    @pytest.mark.parametrize("glob", ["team-{a,b}", "a b", "x" * 65 + "*"])
    def test_a_text_that_is_neither_a_name_nor_a_glob(self, place: Place, glob: str) -> None:
        status, out, err = place.run("recent", glob)
        assert (status, out) == (2, "")
        assert err.startswith("projector: namespace: expected ")


class TestWhereTheNameComesFrom:
    def test_a_variable_has_several_separated_by_blanks(self, place: Place) -> None:
        shown = place.shown("recent --format csv", WAL_NAMESPACE="team-* otters")
        assert {row["namespace"] for row in csv.DictReader(io.StringIO(shown))} == {*TEAMS, *PARTITIONS}

    def test_the_settings_file_has_one_name_or_glob(self, place: Place, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        for name, expected in (("team-*", TEAMS), ("team-a", ["team-a"]), ("otters", PARTITIONS)):
            file.write_text(f'namespace = "{name}"\n')
            shown = place.shown("recent --format csv", WAL_CONFIG=str(file))
            assert [row["namespace"] for row in csv.DictReader(io.StringIO(shown))] == expected[::-1]


class TestExport:
    def test_each_is_written_to_a_file_of_its_own(self, place: Place, tmp_path: Path) -> None:
        shown = place.shown(f"export --format csv -o {tmp_path}/new", "otters", "team-a")
        files = {file.name: file.read_text() for file in (tmp_path / "new").iterdir()}
        assert sorted(files) == ["otters.00.csv", "otters.01.csv", "team-a.csv"]
        assert all(len(text.splitlines()) == 5 for text in files.values())
        assert shown.splitlines()[0] == f"exported 4 entries to {tmp_path}/new/otters.00.csv"

    @pytest.mark.parametrize("output", ["", " -o FILE"])
    def test_it_takes_a_directory(self, place: Place, tmp_path: Path, output: str) -> None:
        (tmp_path / "file").write_text("kept")
        status, _, err = place.run(f"export{output.replace('FILE', str(tmp_path / 'file'))}", "otters")
        assert status == 2
        assert "otters means 2 namespaces (otters.00, otters.01)" in " ".join(err.replace("│", "").split())
        assert (tmp_path / "file").read_text() == "kept"

    def test_none_is_like_that(self, place: Place) -> None:
        assert place.run("export", "tema-*") == (
            1,
            "",
            "projector: no namespace is like tema-*; those there are: projector namespaces\n",
        )


@pytest.mark.usefixtures("led")
def test_check_judges_an_action_over_all_of_them(place: Place) -> None:
    status, out, _ = place.run("check deploy --max-failures 1", "team-a", "team-b")
    assert (status, out.startswith("OK - deploy: last success")) == (0, True), out
    status, out, _ = place.run("check deploy", "team-b")
    assert (status, "1 failure in a row" in out) == (2, True), out
