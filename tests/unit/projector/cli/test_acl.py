"""The text of `projector acl`; what the rights amount to is tested on real servers."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from producer.errors import UnusableServer
from projector.cli.acl import roles
from projector.cli.app import app


def printed(*arguments: str) -> tuple[list[str], str]:
    """(the lines on standard output, what stands on stderr)."""
    ended = CliRunner().invoke(app, ["acl", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.stdout.splitlines(), ended.stderr


def test_standard_output_is_one_command_for_each_of_three_roles_and_nothing_else() -> None:
    commands, _ = printed()
    assert [command.split()[:4] for command in commands] == [
        ["ACL", "SETUSER", f"wal-{name}", "reset"] for name in ("producer", "projector", "reader")
    ]


def test_every_password_is_new_and_nobody_can_guess_it() -> None:
    passwords = [re.findall(r" >(\S+)", command) for _ in range(2) for command in printed()[0]]
    assert [len(found) for found in passwords] == [1] * 6
    assert len({password for (password,) in passwords}) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", password) for (password,) in passwords), "as they are in a URL"


def test_stderr_says_what_to_know_on_a_narrow_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    _, notes = printed()
    assert max(map(len, notes.splitlines())) <= 60
    said = " ".join(notes.split())
    assert "Keep the passwords" in said
    assert "No server can withhold XADD's MAXLEN and MINID, or ids of the producer's own choice" in said
    assert "Both are detected" in said


def test_the_namespace_is_as_asked_for() -> None:
    commands, _ = printed("--namespace", "mine")
    patterns = {word for command in commands for word in command.split() if "~" in word}
    assert patterns == {"%W~{mine}:wal", "(%W~{mine}:heartbeat:*", "%RW~{mine}:*", "%R~{mine}:*"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--namespace", "mine", "--partitions"],
            {
                *("%W~{mine.[0-9][0-9]*}:wal", "(%W~{mine.[0-9][0-9]*}:heartbeat:*"),
                *("(%RW~{mine}:partitions", "%RW~{mine}:partitions:read", "(%R~{mine}:wal"),
                *("%RW~{mine}:*", "%RW~{mine.[0-9][0-9]*}:*", "%RW~projector:workers"),
                *("%R~{mine}:*", "%R~{mine.[0-9][0-9]*}:*"),
            },
        ),
        (
            ["--namespace", "team-[!a]?"],
            {
                *("%W~{team-[^a]?}:wal", "(%W~{team-[^a]?}:heartbeat:*"),
                *("%RW~{team-[^a]?}:*", "%RW~projector:workers", "%R~{team-[^a]?}:*"),
            },
        ),
        (
            ["--namespace", "a", "--namespace", "b"],
            {
                *("%W~{a}:wal", "%W~{b}:wal", "(%W~{a}:heartbeat:*", "%W~{b}:heartbeat:*"),
                *("%RW~{a}:*", "%RW~{b}:*", "%RW~projector:workers", "%R~{a}:*", "%R~{b}:*"),
            },
        ),
    ],
    ids=["partitions", "a glob", "several names"],
)
def test_several_namespaces_and_partitions_are_as_asked_for(arguments: list[str], expected: set[str]) -> None:
    commands, _ = printed(*arguments)
    assert {word for command in commands for word in command.split() if "~" in word} == expected


def test_a_bad_namespace_is_refused() -> None:
    with pytest.raises(UnusableServer, match="namespace"):
        roles("a b")
