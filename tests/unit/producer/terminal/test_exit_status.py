"""One table of exit statuses for both programs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

import producer.errors
from producer.cli.lookup import StartNotSought
from producer.errors import InvalidOperation, NotYetDurable, WalError, WalRefused, WalUnavailable
from producer.identity import Receipt
from producer.terminal.exit_status import _STATUSES, status_of
from projector.errors import (
    ConfigMismatch,
    Damaged,
    InvalidQuery,
    ProjectorError,
    ServerRefused,
    ServerUnavailable,
    Superseded,
)


def unacknowledged(kind: type[producer.errors.Unacknowledged], cause: Exception | None = None) -> Exception:
    error = kind(str(cause), type="cleanup_executed", raw=b"{}", receipt=Receipt("h:1:a", 1, None), acked=0)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ProjectorError("no such action"), 1),
        (Damaged("d"), 1),
        (ConfigMismatch("c"), 1),
        (OSError(28, "No space left on device"), 1),
        (producer.errors.SpoolFull("full"), 1),
        (producer.errors.SpoolUnusable("unusable"), 1),
        (unacknowledged(WalRefused, ResponseError("WRONGTYPE")), 1),
        (InvalidOperation("a", "b", "c"), 2),
        (producer.errors.UnusableServer("u"), 2),
        (producer.errors.InvalidSettings("s"), 2),
        (InvalidQuery("limit", "a number", "x"), 2),
        (StartNotSought("duration_ms", "b", "c"), 69),
        (ServerUnavailable("away"), 69),
        (ServerRefused("refused"), 69),
        (unacknowledged(WalRefused, NoPermissionError("user me has no permissions to run the 'xadd' command")), 69),
        (unacknowledged(WalRefused, AuthenticationError("wrong user name or password")), 69),
        (RuntimeError("odd"), 70),
        (ValueError("odd"), 70),
        (Superseded("another"), 75),
        (unacknowledged(WalUnavailable), 75),
        (unacknowledged(NotYetDurable), 75),
    ],
)
def test_each_error_has_the_status_that_a_monitor_knows(error: Exception, status: int) -> None:
    assert status_of(error) == status


def kinds(base: type[Exception]) -> Iterator[type[Exception]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_name_in_the_table_is_that_of_an_error() -> None:
    assert set(_STATUSES) <= {"WalError", "OSError", *(kind.__name__ for kind in kinds(WalError))}


@pytest.mark.parametrize("name", ["producer", "projector"])
def test_the_help_of_both_programs_has_the_statuses(name: str) -> None:
    program = f"from {name}.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True)
    told = " ".join(ended.stdout.replace("│", " ").split())
    for part in (
        "0 good",
        "1 something is wrong",
        "2 usage",
        "69 the server cannot be reached",
        "75 try again",
        "70 ",
    ):
        assert part in told


@pytest.mark.parametrize("name", ["producer", "projector"])
def test_a_bug_of_either_program_is_70_and_asks_for_a_report(name: str) -> None:
    program = f"""
from {name}.cli import app, main
def broken(**_):
    raise RuntimeError("odd")
app.app = broken
main()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 70
    assert ended.stderr.startswith("Traceback")
    assert f"{name}: this is a bug in this program, please report it" in ended.stderr


def test_a_lease_that_no_projector_takes_is_a_usage_error() -> None:
    program = "from projector.cli import main; main()"
    words = [sys.executable, "-c", program, "run", "--lease-ttl", "0"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 2
