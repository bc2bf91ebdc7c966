"""Passwords in an argument: each character becomes a star, and nothing else changes."""

from __future__ import annotations

import pytest

from producer.command.process_title import hidden_in


@pytest.mark.parametrize(
    ("argument", "hidden"),
    [
        ("redis://:s3cret@host:6379/0", "redis://:******@host:6379/0"),
        ("--url=rediss://me:s3c/r@t@host", "--url=rediss://me:*******@host"),
        ("sentinel://:a@one:1,two:2/m?sentinel_password=bc&db=1", "sentinel://:*@one:1,two:2/m?sentinel_password=**&db=1"),
        ("unix:///run/valkey.sock?password=s3cret", "unix:///run/valkey.sock?password=******"),
    ],
)  # fmt: skip
def test_a_password_becomes_as_many_stars(argument: str, hidden: str) -> None:
    assert hidden_in(argument) == hidden


@pytest.mark.parametrize("argument", ["redis://host:6379/0", "me:pw@host", "unix:///a:b@c", "redis://me@host", ""])
def test_what_holds_no_password_stays_as_it_is(argument: str) -> None:
    assert hidden_in(argument) == argument
