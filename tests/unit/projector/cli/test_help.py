"""The help of both programs: an example at the end, nothing cut off, groups by what one wants; and completion."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import producer.cli.app
import projector.cli.app

PROGRAMS: dict[str, Any] = {
    "producer": get_command(producer.cli.app.app),
    "projector": get_command(projector.cli.app.app),
}


def _paths(command: Any, path: str) -> Iterator[str]:
    yield path
    for name, member in getattr(command, "commands", {}).items():
        yield from _paths(member, f"{path} {name}")


PAGES = [path for name, command in PROGRAMS.items() for path in _paths(command, name)]
COMMANDS = [page for page in PAGES if page not in PROGRAMS]


def page(path: str, capsys: pytest.CaptureFixture[str], *, option: str = "--help") -> str:
    program, *words = path.split()
    PROGRAMS[program].main([*words, option], prog_name=program, standalone_mode=False)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("path", PAGES)
def test_a_help_page_fits_its_terminal_and_cuts_nothing_off(
    path: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = page(path, capsys)
    assert max(map(len, text.splitlines())) <= columns
    assert not re.search(r"…|<\w|\w\.\.\. |-\n", text)  # a text, a type, a summary, a torn word
    assert "-h, --help" in text


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_ends_with_an_example_that_its_parser_takes(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = page(path, capsys, option="-h")
    example = text.splitlines()[-1]
    assert example.startswith(f"Example: {path}")
    (tmp_path / "wal.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(example.removeprefix("Example: "))
    command, context = PROGRAMS[program], None
    while words and hasattr(command, "commands"):
        context = command.make_context(program, words[:1], parent=context)
        command, words = command.commands[words[0]], words[1:]
    command.make_context(path, words, parent=context)  # raises for what is no option of the command


def test_the_usage_after_a_wrong_call_is_that_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        PROGRAMS["producer"].main(["cleanup", "locks"], prog_name="producer")
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == [
        "Usage: producer cleanup [OPTIONS] SCANNER RESOURCE ACTION",
        "Try 'producer cleanup -h' for help.",
    ]
    assert page("producer cleanup", capsys).splitlines()[0] == said[0]


@pytest.mark.parametrize(
    ("program", "headings"),
    [
        ("producer", ["Options", "Record", "Read", "Repair"]),
        ("projector", ["Options", "Run", "Read", "Archive", "Repair"]),
    ],
)
def test_commands_stand_under_what_one_wants(
    program: str, headings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = page(program, capsys)
    assert re.findall(r"^(\w+):$", text, re.MULTILINE) == headings
    assert "Exit status: 0 good, 1 " in text


@pytest.mark.parametrize("program", ["producer", "projector"])
def test_a_program_runs_as_a_module_under_its_own_name(program: str) -> None:
    ran = subprocess.run([sys.executable, "-m", program, "-h"], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, f"Usage: {program} [OPTIONS] COMMAND [ARGS]...")


@pytest.mark.parametrize(
    ("program", "typed", "completed"),
    [
        ("producer", "fl", ["flush"]),
        ("producer", "run --act", ["--action"]),
        ("producer", "--version st", ["started"]),
        ("projector", "quarantine re", ["retry"]),
        ("projector", "doctor --", ["--json", "--interval", "--url", "--namespace", "--help"]),
    ],
)
def test_bash_completes_commands_and_options(program: str, typed: str, completed: list[str]) -> None:
    words = [program, *typed.split()]
    script = f"""
        eval "$({program} --show-completion)"
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _{program}_completion {program}
        echo "${{COMPREPLY[@]}}"
    """
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", script], env=here, capture_output=True, text=True, timeout=60)
    assert (ran.stderr, set(completed) - set(ran.stdout.split())) == ("", set())
    assert "execution-wal" not in ran.stdout
