"""What `producer run` records of an output with secrets in it; what it passes on is untouched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.projection import Log

pytestmark = pytest.mark.server

SECRET = "token=abc123 customer-42"


def run(log: Log, *options: str, script: str = f"echo '{SECRET}'") -> subprocess.CompletedProcess[str]:
    command = [PRODUCER, "run", "--action", "a", *options, "--", "sh", "-c", script]
    return run_command(command, env=environment_of(log.url, log.namespace), text=True)


def recorded(log: Log) -> dict[str, Any]:
    entries: Any = log.client.xrevrange(log.key("wal"), count=1)
    operation: dict[str, Any] = json.loads(entries[0][1][b"op"])
    assert operation["type"] == "action_execution_completed"
    return operation


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "token=[redacted] customer-42\n"),
        (("--redact", r"customer-\d+"), "token=[redacted] [redacted]\n"),
        (("--redact", "customer", "--redact", r"\d\d"), "token=[redacted] [redacted]-[redacted]\n"),
        (("--no-redact",), f"{SECRET}\n"),
        (("--no-redact", "--redact", r"customer-\d+"), "token=abc123 [redacted]\n"),
    ],
)
def test_the_record_is_redacted_and_what_is_passed_on_is_not(
    log: Log, options: tuple[str, ...], expected: str
) -> None:
    ended = run(log, *options)
    assert (ended.returncode, ended.stdout) == (0, f"{SECRET}\n")
    assert recorded(log)["output"] == expected


def test_a_token_at_the_bound_of_a_long_output_is_not_recorded_by_half(log: Log) -> None:
    token = "ghp" + "_0123456789abcdefghijklmnopqrstuvwxyz"
    for room in (16_384 - 60, 16_384 - 30):
        run(
            log,
            script=f"head -c 90000 /dev/zero | tr '\\0' n; echo ' {token} '; head -c {room} /dev/zero | tr '\\0' m",
        )
        output = recorded(log)["output"]
        assert "vwxyz" not in output
        assert output.endswith("m" * 1000)


def test_the_name_of_a_command_that_is_not_there_is_redacted(log: Log) -> None:
    environ = environment_of(log.url, log.namespace)
    ended = subprocess.run(
        [PRODUCER, "run", "--action", "a", "--", "redis://user:hunter2@host"], env=environ, check=False, timeout=60
    )
    assert ended.returncode == 127
    assert recorded(log)["error"] == "command not found: redis://user:[redacted]@host"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "sh -c 'true' --password=[redacted] --token [redacted] customer-42"),
        (("--redact", r"customer-\d+"), "sh -c 'true' --password=[redacted] --token [redacted] [redacted]"),
        (("--no-redact",), "sh -c 'true' --password='it'\"'\"'s mine' --token 'a b' customer-42"),
        (
            ("--no-redact", "--redact", r"customer-\d+"),
            "sh -c 'true' --password='it'\"'\"'s mine' --token 'a b' [redacted]",
        ),
    ],
)
def test_the_command_line_is_recorded_redacted(log: Log, options: tuple[str, ...], expected: str) -> None:
    words = ["sh", "-c", "true", "--password=it's mine", "--token", "a b", "customer-42"]
    environ = environment_of(log.url, log.namespace)
    subprocess.run([PRODUCER, "run", "--action", "a", *options, "--", *words], env=environ, check=True, timeout=60)
    entries: Any = log.client.xrange(log.key("wal"), count=1)
    assert json.loads(entries[0][1][b"op"])["command"] == expected.replace("'true'", "true")


def test_what_is_no_regular_expression_is_refused_before_the_command_runs(log: Log, tmp_path: Path) -> None:
    ended = run(log, "--redact", "(", script=f"touch {tmp_path}/ran")
    assert ended.returncode == 2
    assert "--redact" in ended.stderr
    assert not (tmp_path / "ran").exists()
    assert log.client.exists(log.key("wal")) == 0
