"""verify, rebuild, doctor and archive over the partitions of a namespace: each is told, and one verdict is given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from producer.partitions.naming import partition_of, partitions_key, read_partitions_key
from projector.decisions.repartition import repartition
from tests.support.commands import projector
from tests.support.projection import Log
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

SCHEMAS = Path(__file__).parents[4] / "docs" / "schema"


@dataclass(frozen=True, slots=True)
class Divided:
    """A namespace with three partitions, of which the last has no log."""

    namespace: str
    url: str
    parts: list[Log]

    def names(self) -> list[str]:
        return [part.namespace for part in self.parts]

    def run(self, *words: str) -> tuple[int, str, str]:
        ended = projector(*words, "--namespace", self.namespace, "--url", self.url)
        return ended.returncode, ended.stdout, ended.stderr

    def document(self, name: str, *words: str) -> tuple[int, Any]:
        """What --json prints, which is as its schema has it."""
        status, out, err = self.run(*words, "--json")
        document = json.loads(out)
        Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(document)
        assert err == "" or document["namespaces"]
        return status, document


@pytest.fixture
def divided(log: Log) -> Divided:
    repartition(log.url, log.namespace, 3)
    parts = [Log(log.client, log.url, partition_of(log.namespace, number)) for number in range(3)]
    for number, part in enumerate(parts[:2], 1):
        part.add_completions(number)
        part.drain()
    return Divided(log.namespace, log.url, parts)


def spoil(part: Log) -> None:
    part.client.hset(part.key("totals"), "successes", "99")


def replace_checkpoint(part: Log) -> None:
    """So that no command can work on it."""
    part.client.delete(part.key("checkpoint"))
    part.client.set(part.key("checkpoint"), "x")


class TestVerify:
    def test_all_are_identical(self, divided: Divided) -> None:
        status, out, err = divided.run("verify")
        first, second, third = divided.names()
        lines = out.splitlines()
        assert lines[0].startswith(f"{first}: identical at ")
        assert lines[1].startswith(f"{second}: identical at ")
        assert lines[2:] == [
            f"{third}: identical: nothing has been projected yet",
            "3 namespaces, all identical, 3 entries",
        ]
        assert (status, err) == (0, "")

    def test_one_differs_and_one_cannot_be_verified_and_all_are_looked_at(self, divided: Divided) -> None:
        spoil(divided.parts[0])
        replace_checkpoint(divided.parts[1])
        status, out, err = divided.run("verify")
        first, second, third = divided.names()
        lines = out.splitlines()
        assert lines[:2] == [f"{first}:", f"  {{{first}}}:totals successes: expected 1, found 99"]
        assert lines[2].endswith(f"repair it with: projector rebuild --namespace {first}")
        assert lines[3:] == [
            f"{third}: identical: nothing has been projected yet",
            f"3 namespaces: 1 identical, 1 not identical ({first}), 1 not verified ({second}), 1 entry",
        ]
        assert err.startswith(f"projector: {second}: ")
        assert len(err.splitlines()) == 1
        assert status == 1

    def test_as_a_document(self, divided: Divided) -> None:
        status, document = divided.document("verify-several", "verify")
        assert (status, document["version"], document["identical"]) == (0, 1, True)
        assert [each["namespace"] for each in document["namespaces"]] == divided.names()
        assert [each["entries"] for each in document["namespaces"]] == [1, 2, 0]

    def test_as_a_document_with_an_error(self, divided: Divided) -> None:
        replace_checkpoint(divided.parts[1])
        status, document = divided.document("verify-several", "verify")
        assert (status, document["identical"]) == (1, False)
        assert set(document["namespaces"][1]) == {"namespace", "error"}

    def test_one_partition_alone_is_verified_as_any_namespace(self, divided: Divided) -> None:
        part = divided.parts[0]
        ended = projector("verify", "--namespace", part.namespace, "--url", divided.url)
        assert ended.stdout == f"identical at {part.checkpoint('last_id')}, 1 entry\n"

    def test_a_glob_that_takes_none_is_told(self, divided: Divided) -> None:
        ended = projector("verify", "--namespace", "nobody-*", "--url", divided.url)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == "projector: no namespace is like nobody-*; those there are: projector namespaces\n"

    def test_a_glob_and_names_are_verified_together(self, divided: Divided) -> None:
        ended = projector(
            "verify", "--namespace", f"{divided.namespace}.*", "--namespace", "nobody", "--url", divided.url
        )
        assert ended.stdout.splitlines()[-1] == "3 namespaces, all identical, 3 entries"

    def test_nothing_anywhere_is_explained_once(self, log: Log) -> None:
        repartition(log.url, log.namespace, 2)
        ended = projector("verify", "--namespace", log.namespace, "--url", log.url)
        assert ended.returncode == 0
        assert "2 namespaces, all identical, 0 entries\nnothing has been recorded in" in ended.stdout

    def test_the_namespaces_own_log_is_among_them(self, divided: Divided, log: Log) -> None:
        log.add_completions(1)
        log.drain()
        _, out, _ = divided.run("verify")
        assert out.startswith(f"{log.namespace}: identical at ")
        assert out.splitlines()[-1] == "4 namespaces, all identical, 4 entries"


class TestRebuild:
    def test_one_after_the_other(self, divided: Divided) -> None:
        spoil(divided.parts[1])
        status, out, err = divided.run("rebuild")
        first, second, third = divided.names()
        assert [line.partition(":")[0] for line in out.splitlines()[:-1]] == [first, second, third]
        assert out.splitlines()[-1] == "3 namespaces, all rebuilt, 3 entries"
        assert (status, err) == (0, "")
        assert divided.run("verify")[0] == 0

    def test_a_loss_is_accepted_in_each_that_has_one(
        self, divided: Divided, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        lost = divided.parts[1]
        lost.client.delete(lost.key("wal"))
        status, out, err = divided.run("rebuild")
        assert status == 1
        assert f"2 rebuilt, 1 not rebuilt ({lost.namespace})" in out
        assert err.startswith(f"projector: {lost.namespace}: ")
        status, out, _ = divided.run("rebuild", "--accept-loss", "a test")
        assert status == 0
        assert "2 of them are lost for ever, 2 accepted now" in out
        assert out.count("accepted now") == 1


class TestDoctor:
    def test_what_is_not_well_is_shown_for_each_and_the_rest_counted(self, divided: Divided) -> None:
        divided.parts[0].client.set(divided.parts[0].key("lease"), "w", px=60_000)
        divided.parts[2].client.set(divided.parts[2].key("lease"), "w", px=60_000)
        _, second, third = divided.names()
        status, out, _ = divided.run("doctor", "--interval", "0")
        lines = out.splitlines()
        own = [line for line in lines if not line.startswith(" ")]
        assert f"{divided.namespace}: 1 ok" in own
        assert f"{second}:" in own
        assert any(line.startswith(f"{third}: ") and line.endswith(" ok") for line in own)
        assert own[-1] == f"4 namespaces: 3 healthy, 1 not healthy ({second})"
        assert status == 1
        assert f"repair: projector run --namespace {second}" in out

    def test_as_a_document(self, divided: Divided) -> None:
        status, document = divided.document("doctor-several", "doctor", "--interval", "0")
        whole, *parts = document["namespaces"]
        assert (status, document["healthy"]) == (1, False)
        assert (whole["namespace"], [each["check"] for each in whole["findings"]]) == (
            divided.namespace,
            ["partitions"],
        )
        assert [each["namespace"] for each in parts] == divided.names()

    def test_a_bad_number_is_found_where_the_namespace_has_no_log(self, divided: Divided, log: Log) -> None:
        log.client.set(read_partitions_key(log.namespace), 2)
        _, document = divided.document("doctor-several", "doctor", "--interval", "0")
        (finding,) = document["namespaces"][0]["findings"]
        assert (finding["severity"], finding["mend"]) == (
            "wrong",
            f"projector repartition 3 --namespace {log.namespace}",
        )

    @pytest.mark.usefixtures("divided")
    def test_what_only_looks_like_partitions_is_no_namespace_of_its_own(self, log: Log) -> None:
        log.client.delete(partitions_key(log.namespace), read_partitions_key(log.namespace))
        ended = projector("doctor", "--interval", "0", "--namespace", f"{log.namespace}.*", "--url", log.url)
        assert ended.stdout.splitlines()[-1].startswith("2 namespaces: ")


class TestArchive:
    def test_each_is_archived_and_verified_and_restored(
        self, divided: Divided, own_server: Server, tmp_path: Path
    ) -> None:
        archive = ("--archive", str(tmp_path))
        third = divided.names()[2]
        status, out, _ = divided.run("archive", "once", *archive)
        assert status == 0
        assert out.splitlines()[2:] == [
            f"{third}: nothing is projected yet, so nothing was archived",
            "3 namespaces, all archived, 3 entries in 2 segments now",
        ]
        status, document = divided.document("archive-once-several", "archive", "once", *archive)
        assert (status, document["archived"]) == (0, True)
        status, out, _ = divided.run("archive", "verify", *archive)
        assert out.splitlines()[-1] == "3 namespaces, all intact, 3 entries"
        assert status == 0
        status, document = divided.document("archive-verify-several", "archive", "verify", *archive)
        assert (status, document["intact"]) == (0, True)
        self.restore_twice(divided, own_server, archive)

    def restore_twice(self, divided: Divided, server: Server, archive: tuple[str, str]) -> None:
        address = ("--namespace", divided.namespace, "--url", server.url)
        for _ in range(2):
            ended = projector("restore", *archive, *address)
            assert ended.returncode == 0, ended.stderr
            assert "2 namespaces, all restored\nnext: " in ended.stdout
        with server.client() as client:
            assert client.get(partitions_key(divided.namespace)) == b"2"
        assert (
            projector("verify", *archive, *address).stdout.splitlines()[-1]
            == "2 namespaces, all identical, 3 entries"
        )

    def test_a_changed_segment_is_found_in_its_partition(self, divided: Divided, tmp_path: Path) -> None:
        archive = ("--archive", str(tmp_path))
        divided.run("archive", "once", *archive)
        first = divided.names()[0]
        (segment,) = (tmp_path / first / "segments").iterdir()
        segment.write_bytes(b"x")
        status, out, _ = divided.run("archive", "verify", *archive)
        assert out.splitlines()[-1].startswith(f"3 namespaces: 2 intact, 1 not intact ({first}), ")
        assert status == 1

    def test_an_archive_that_was_removed_is_found(self, divided: Divided, tmp_path: Path) -> None:
        status, out, _ = divided.run("archive", "verify", "--archive", str(tmp_path))
        first, second, _ = divided.names()
        assert status == 1
        assert out.splitlines()[-1].startswith(f"3 namespaces: 1 intact, 2 not intact ({first}, {second}), ")

    def test_without_a_server_the_archive_tells_which_there_are(self, divided: Divided, tmp_path: Path) -> None:
        archive = ("--archive", str(tmp_path))
        divided.run("archive", "once", *archive)
        away = f"redis://127.0.0.1:{vacant_port()}/0"
        ended = projector("archive", "verify", *archive, "--namespace", divided.namespace, "--url", away)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1] == "2 namespaces, all intact, 3 entries"

    def test_a_head_is_of_one_archive(self, divided: Divided, tmp_path: Path) -> None:
        status, _, err = divided.run("archive", "verify", "--archive", str(tmp_path), "--head", "a" * 64)
        assert status == 2
        assert "a head is of one archive" in err
