"""The text of `projector acl`; what the rights amount to is tested on real servers."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from producer.errors import UnusableServer
from projector.acl import roles
from projector.cli.app import app


def printed(*arguments: str) -> list[str]:
    ended = CliRunner().invoke(app, ["acl", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output.splitlines()


def test_there_is_one_command_for_each_of_three_roles_and_all_else_is_comment() -> None:
    lines = [line for line in printed() if line]
    commands = [line for line in lines if not line.startswith("# ")]
    assert [command.split()[:4] for command in commands] == [
        ["ACL", "SETUSER", f"wal-{name}", "reset"] for name in ("producer", "projector", "reader")
    ]


def test_every_password_is_a_placeholder_and_the_text_says_so() -> None:
    text = " ".join(line.removeprefix("# ") for line in printed())
    assert re.findall(r" >(\S+)", text) == [
        "CHANGE-ME-producer",
        "CHANGE-ME-projector",
        "CHANGE-ME-reader",
    ]
    assert "Put a password in the place of each CHANGE-ME-…" in text


def test_no_comment_is_wider_than_a_terminal_and_that_maxlen_cannot_be_withheld_is_one() -> None:
    comments = [line for line in printed() if line.startswith("#")]
    assert all(len(line) <= 112 for line in comments)
    said = " ".join(line.removeprefix("# ") for line in comments)
    assert "No server can withhold XADD's MAXLEN and MINID, or ids of the producer's own choice" in said
    assert "Both are detected" in said


def test_the_namespace_and_the_prefix_of_the_users_are_as_asked_for() -> None:
    commands = [line for line in printed("--namespace", "mine", "--user-prefix", "app.") if line.startswith("ACL")]
    assert [command.split()[2] for command in commands] == ["app.producer", "app.projector", "app.reader"]
    patterns = {word for command in commands for word in command.split() if "~" in word}
    assert patterns == {"%W~{mine}:wal", "(%W~{mine}:heartbeat:*", "%RW~{mine}:*", "%R~{mine}:*"}


@pytest.mark.parametrize("prefix", ["a b", "x\n", ">", "é"])
def test_a_prefix_that_would_change_the_command_is_refused(prefix: str) -> None:
    assert CliRunner().invoke(app, ["acl", "--user-prefix", prefix]).exit_code == 2


def test_a_bad_namespace_is_refused() -> None:
    with pytest.raises(UnusableServer, match="namespace"):
        roles("a b")
