"""Passwords in a command line: replaced byte for byte, and nothing else is."""

from __future__ import annotations

import pytest

from producer.command.process_title import hidden_in


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        (b"redis://:s3cret@host:6379/0", b"redis://:******@host:6379/0"),
        (b"--url=rediss://me:s3c/r@t@host", b"--url=rediss://me:*******@host"),
        (b"sentinel://:a@one:1,two:2/m?sentinel_password=bc&db=1", b"sentinel://:*@one:1,two:2/m?sentinel_password=**&db=1"),
        (b"unix:///run/valkey.sock?password=s3cret", b"unix:///run/valkey.sock?password=******"),
    ],
)  # fmt: skip
def test_a_password_becomes_as_many_stars(shown: bytes, hidden: bytes) -> None:
    assert hidden_in(b"projector\0--url\0" + shown + b"\0run\0") == b"projector\0--url\0" + hidden + b"\0run\0"


@pytest.mark.parametrize(
    "argument", [b"redis://host:6379/0", b"me:pw@host", b"unix:///a:b@c", b"redis://me@host", b""]
)
def test_what_holds_no_password_stays_as_it_is(argument: bytes) -> None:
    assert hidden_in(b"redis://host:1\0" + argument + b"\0x@y\0") == b"redis://host:1\0" + argument + b"\0x@y\0"
