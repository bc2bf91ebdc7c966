"""What the commands find out by themselves of the one who runs them, and the command line as it is recorded."""

from __future__ import annotations

import os
import pwd
import shlex
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from producer.cli.context import Context, command_line, labels_of, surroundings
from producer.text.redaction import redact_secrets

_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def test_host_user_and_directory_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert surroundings() == {"host": socket.gethostname(), "user": user, "cwd": str(tmp_path)}


def test_what_cannot_be_found_out_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)  # which no account has
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename=""))
    assert surroundings() == {}


def test_of_a_long_directory_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*["ö" * 50] * 5, "the end")
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    cwd = surroundings()["cwd"]
    assert 240 < len(cwd.encode()) <= 256
    assert cwd.endswith("ö/the end")


def test_a_directory_whose_name_is_no_utf_8_is_recorded_with_a_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(odd)
    monkeypatch.chdir(os.fsdecode(odd))
    assert surroundings()["cwd"].endswith("/\ufffd")


def test_labels_that_are_given_come_first_and_stand_alone_without_context() -> None:
    given_ones = ["user=me", "a=b=c", "empty="]
    expected = {"user": "me", "a": "b=c", "empty": ""}
    assert Context(label=given_ones, no_context=True).labels == expected
    assert Context(label=given_ones).labels == surroundings() | expected
    assert Context(no_context=True).labels == {}


@pytest.mark.parametrize(("given_ones", "found"), [(13, 3), (14, 2), (15, 1), (16, 0), (17, 0)])
def test_what_was_found_out_is_left_out_as_far_as_there_is_no_room_for_it(given_ones: int, found: int) -> None:
    given_labels = {f"n{number}": "x" for number in range(given_ones)}
    labels = Context(label=[f"{name}=x" for name in given_labels]).labels
    assert labels == dict(list(surroundings().items())[:found]) | given_labels


def test_a_name_that_is_given_takes_the_room_of_what_was_found_out_by_it() -> None:
    given_labels = {"host": "mine"} | {f"n{number}": "x" for number in range(13)}
    labels = Context(label=[f"{name}={value}" for name, value in given_labels.items()]).labels
    assert labels == {name: value for name, value in surroundings().items() if name != "host"} | given_labels


def test_a_label_without_a_value_is_told_as_it_stands() -> None:
    with pytest.raises(typer.BadParameter, match="expected NAME=VALUE, found 'host'"):
        labels_of(["a=b", "host"])


@given(st.lists(_WORDS))
def test_a_shell_reads_the_words_of_a_command_line_again(words: list[str]) -> None:
    assert shlex.split(command_line(words)) == words


@pytest.mark.parametrize(
    "word", ["--password=two words", "DB_PASSWORD=it's two", 'token="a" b', "--api-key=a\\' b", "secret='"]
)
def test_a_secret_in_a_word_is_redacted_whole(word: str) -> None:
    """After a backslash before a quote, more than the secret is: shells and other programs read that differently."""
    name, _, _ = word.partition("=")
    found = redact_secrets(command_line(["run", word, "next"]))
    assert found.removesuffix(" next") == f"run {name}=[redacted]"
