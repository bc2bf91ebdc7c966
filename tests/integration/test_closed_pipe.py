"""A reader that has had enough (`| head`) is no error of the command, whichever command it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from producer.terminal.exit_status import FAILED, UNREACHABLE
from tests.support.commands import environment, environment_of
from tests.support.servers import Server

_EACH_COMMAND = """
import gc, importlib, json, os, sys
import typer.main

program, *arguments = sys.argv[1:]
package = importlib.import_module(f"{program}.cli")
top = typer.main.get_command(importlib.import_module(f"{program}.cli.app").app)
typer.main.get_command = lambda app: top  # or each child would build all of them again

def commands(group, *before):
    yield before
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *before, name)

ended = {}
gc.freeze()  # or each child would look through all that is loaded when it ends
for words in commands(top):
    reader, writer = os.pipe()
    os.close(reader)
    if (child := os.fork()) == 0:
        os.dup2(writer, 1)
        sys.argv = [program, *words, *arguments]
        package.main()
    os.close(writer)
    ended[" ".join(words)] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps(ended))
"""


@pytest.mark.parametrize("program", ["producer", "projector"])
def test_the_help_of_each_command_may_be_read_in_part(program: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _EACH_COMMAND, program, "--help"], capture_output=True, text=True, env=environment()
    )
    assert ended.stderr == ""
    statuses = json.loads(ended.stdout)
    assert {"", "run"} < statuses.keys()
    assert set(statuses.values()) == {0}, statuses


@pytest.fixture
def nobody() -> Iterator[int]:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_a_pipe_of_stderr_that_is_closed_hides_no_failure(nobody: int) -> None:
    """Only a reader of stdout has got what it wanted."""
    command = [sys.executable, "-m", "projector", "stats", "--url", "redis://127.0.0.1:1/0"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=nobody, env=environment())
    assert (ended.returncode, ended.stdout) == (UNREACHABLE, b"")


@pytest.mark.server
@pytest.mark.parametrize(("options", "status"), [([], 0), (["--check"], FAILED)])
def test_what_a_command_found_is_its_status_whoever_reads_it(
    shared_server: Server, namespace: str, nobody: int, options: list[str], status: int
) -> None:
    command = [sys.executable, "-m", "projector", "status", *options]
    environ = environment_of(shared_server.url, namespace)
    ended = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, env=environ)
    assert ended.returncode == status
    assert b"Traceback" not in ended.stderr
