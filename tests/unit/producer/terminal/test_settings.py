"""Where the command lines take their options from: flag, then variable, then settings file, then default."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import ValidationError
from typer.testing import CliRunner

from producer.errors import InvalidSettings
from producer.terminal.options import Log
from producer.terminal.program import add_commands, new_program
from producer.terminal.settings import Settings, read_settings
from projector import Projector
from projector.bounds import Bounds
from projector.cli.options import BoundOptions, ChangedBounds, LeaseTtl


def lease(lease_ttl: LeaseTtl) -> None:
    """Takes the life of a lease."""


def show(*, log: Log, bounds: BoundOptions) -> None:
    """Prints what it was given."""
    print(json.dumps({"url": log.url, "namespace": log.namespace, **asdict(bounds)}))


def change(*, changes: ChangedBounds) -> None:
    """Prints what it was given."""
    print(json.dumps(changes))


def program() -> typer.Typer:
    app, group = new_program("sample", summary="Prints its options."), typer.Typer(name="group")
    add_commands(app, show, change)
    add_commands(group, show)
    app.add_typer(group)
    return app


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration directory, empty; no variable gives an option."""
    for name in os.environ:
        if name.startswith("WAL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "execution-wal").mkdir()
    return tmp_path


def settings(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def shown(*arguments: str) -> dict[str, object]:
    ended = CliRunner().invoke(program(), list(arguments))
    assert ended.exit_code == 0, ended.output
    found: dict[str, object] = json.loads(ended.output)
    return found


def test_without_settings_an_option_has_its_default(directory: Path) -> None:
    assert shown("show") == {"url": None, "namespace": "otters", **asdict(Bounds())}
    settings(directory / "config.toml", "max_entries = 5")
    settings(directory / "execution-wal.toml", "max_entries = 5")
    assert shown("show")["max_entries"] == 1000  # a file in the working directory is not ours


def test_a_flag_goes_before_a_variable_and_that_before_the_file(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings(directory / "s.toml", 'url = "redis://file"\nnamespace = "file"\nmax_entries = 5\nmax_gaps = 6')
    monkeypatch.setenv("WAL_NAMESPACE", "variable")
    monkeypatch.setenv("WAL_MAX_ENTRIES", "7")
    found = shown("--config", str(file), "show", "--max-entries", "9")
    assert [found[name] for name in ("url", "namespace", "max_entries", "max_gaps", "max_actions")] == [
        "redis://file",
        "variable",
        9,
        6,
        10_000,
    ]


def test_an_empty_text_counts_as_not_given(directory: Path) -> None:
    assert read_settings(settings(directory / "s.toml", 'spool = ""\nnamespace = "file"')) == {"namespace": "file"}


def test_only_bounds_that_are_given_are_changed(directory: Path) -> None:
    file = settings(directory / "s.toml", "max_gaps = 6")
    assert shown("--config", str(file), "change", "--max-actions", "3") == {"max_gaps": 6, "max_actions": 3}


def test_a_command_in_a_group_takes_settings_too(directory: Path) -> None:
    file = settings(directory / "s.toml", 'namespace = "file"')
    assert shown("--config", str(file), "group", "show")["namespace"] == "file"


def test_the_file_is_named_by_a_flag_a_variable_or_is_the_users_own(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(directory / "execution-wal" / "config.toml", 'namespace = "users"')
    assert shown("show")["namespace"] == "users"
    monkeypatch.setenv("WAL_CONFIG", str(settings(directory / "v.toml", 'namespace = "variables"')))
    assert shown("show")["namespace"] == "variables"
    file = settings(directory / "f.toml", 'namespace = "flags"')
    assert shown("--config", str(file), "show")["namespace"] == "flags"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_entrys = 5", "max_entrys: expected one of the keys url, namespace, spool, lease_ttl, max_entries, "),
        ('max_entries = "many"', "max_entries: expected a valid integer, found 'many'"),
        ("max_entries = true", "max_entries: expected a valid integer, found True"),
        ("max_entries = 0", "max_entries: expected greater than or equal to 1, found 0"),
        ("lease_ttl = 0", "lease_ttl: expected greater than or equal to 0.1, found 0"),
        ("url = 6379", "url: expected a valid string, found 6379"),
        ("[bounds]\nmax_entries = 5", "bounds: expected one of the keys"),
        ("url = ", "expected TOML, found: "),
        (f"max_entries = {'1' * 5000}", "expected TOML, found: Exceeds the limit"),
        (f"url = {'[' * 5000}", "expected TOML, found: maximum recursion depth"),
    ],
)
def test_what_is_no_setting_is_told_with_file_key_expected_and_found(directory: Path, text: str, told: str) -> None:
    file = settings(directory / "s.toml", text)
    with pytest.raises(InvalidSettings) as raised:
        read_settings(file)
    assert str(raised.value).startswith(f"{file}: {told}")


def test_a_file_that_cannot_be_read_is_told(directory: Path) -> None:
    with pytest.raises(InvalidSettings, match="nowhere: expected a settings file, found: No such file"):
        read_settings(directory / "nowhere")
    with pytest.raises(InvalidSettings, match="expected a settings file, found: Is a directory"):
        read_settings(directory)
    (directory / "latin").write_bytes(b'namespace = "\xe4"')
    with pytest.raises(InvalidSettings, match="expected TOML, found: 'utf-8'"):
        read_settings(directory / "latin")


@pytest.mark.parametrize("name", ["producer", "projector"])
def test_a_command_line_with_a_bad_file_ends_in_one_line_and_as_after_a_wrong_option(
    name: str, directory: Path
) -> None:
    file = settings(directory / "s.toml", "nonsense = 1")
    command = [sys.executable, "-m", name]
    environ = {**os.environ, "WAL_CONFIG": str(file)}
    more = ["status"] if name == "projector" else ["started", "a"]
    ended = subprocess.run([*command, *more], env=environ, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"{name}: {file}: nonsense: expected one of the keys url, ")
    assert ended.stderr.count("\n") == 1


def test_each_bound_of_a_projection_is_a_setting_within_the_same_limits() -> None:
    for field in fields(Bounds):
        for value, allowed in ((0, False), (1, True), (10_000_000, True), (10_000_001, False)):
            given: Any = {field.name: value}
            for kind, refusal in ((Settings, ValidationError), (Bounds, ValueError)):
                if allowed:
                    assert getattr(kind(**given), field.name) == value
                else:
                    with pytest.raises(refusal):
                        kind(**given)


@pytest.mark.parametrize(("seconds", "allowed"), [(0.09, False), (0.1, True), (3600, True), (3601, False)])
def test_the_life_of_a_lease_has_the_same_limits_in_the_library_the_file_and_the_option(
    seconds: float, allowed: bool
) -> None:
    app = new_program("program", summary="A program.")
    add_commands(app, lease)
    assert CliRunner().invoke(app, ["lease", "--lease-ttl", str(seconds)]).exit_code == (0 if allowed else 2)
    if allowed:
        Settings(lease_ttl=seconds)
        Projector("redis://localhost", lease_ttl=seconds)
    else:
        with pytest.raises(ValidationError):
            Settings(lease_ttl=seconds)
        with pytest.raises(ValueError, match=r"lease_ttl: expected 0\.1 to 3600 seconds"):
            Projector("redis://localhost", lease_ttl=seconds)
