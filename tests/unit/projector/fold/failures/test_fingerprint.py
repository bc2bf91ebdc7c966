"""The kinds of errors: what differs from one failure to the next is replaced, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.fold.failures.fingerprint import MAX_KIND_BYTES, NO_TEXT, kind_of

KINDS = [
    ("connection refused", "connection refused"),
    ("connection refused: 10.0.0.5:6379", "connection refused: <address>"),
    ("10.0.0.5 is away", "<address> is away"),
    ("[::1]:6379 refused", "<address> refused"),
    ("fe80::1:2 unreachable", "<address> unreachable"),
    ("lost host db-1.internal:5432", "lost host <address>"),
    ("https://example.com/a/b?c=1 gave 503", "<address> gave <number>"),
    ("mail to a.b@example.com bounced", "mail to <address> bounced"),
    ("exit status 137", "exit status <number>"),
    ("timeout after 30.5 s", "timeout after <number> s"),
    ("found -5, expected 1,000", "found <number>, expected <number>"),
    ("worker12: node-17 is down", "worker<number>: node-<number> is down"),
    ("HTTP/1.1 500", "HTTP/<number> <number>"),
    ("3/4 done", "<number>/<number> done"),
    ("job 550e8400-e29b-41d4-a716-446655440000 died", "job <id> died"),
    ("commit deadbeef1234 not found", "commit <id> not found"),
    ("segfault at 0x7ffe12", "segfault at <id>"),
    ("request 01HZX3K9QW7T8V5N2M4B6C8D0E failed", "request <id> failed"),
    ("facade, decade and 2bad", "facade, decade and <number>bad"),
    ("can't open /var/lib/x/1.db: denied", "can't open <path>: denied"),
    ("~/x and ../y/z are gone", "<path> and <path> are gone"),
    ("src/lib/foo.rs:10:5", "<path>:<number>:<number>"),
    ("main.py:123: boom", "<path>:<number>: boom"),
    ("C:\\Users\\x.txt missing", "<path> missing"),
    ("read/write error and/or n/a", "read/write error and/or n/a"),
    ("KeyError: 'name'", "KeyError: <text>"),
    ('no such column: "a b" in `t` or «u» or “v”', "no such column: <text> in <text> or <text> or <text>"),
    ("it isn't John's or mine", "it isn't John's or mine"),
    ("2026-11-26T02:00:01.123Z failed", "<time> failed"),
    ("2026-11-26 02:00:01+01:00 failed", "<time> failed"),
    ("on 2026/11/26 at 12:30:01", "on <time> at <time>"),
    ("Thu, 26 Nov 2026 02:00:01 GMT: bad", "<time>: bad"),
    ("Thu Nov 26 02:00:01 2026: bad", "<time>: bad"),
    ("line one\n\tline  two", "line one line two"),
    (None, NO_TEXT),
    ("", NO_TEXT),
    (" \n", NO_TEXT),
]


@pytest.mark.parametrize(("error", "kind"), KINDS)
def test_the_kind_of_an_error(error: str | None, kind: str) -> None:
    assert kind_of(error) == kind


def test_errors_that_differ_in_no_more_than_such_parts_are_of_one_kind() -> None:
    errors = [
        f"run {n:032x}: open '/tmp/{n}': errno {n} at 10.0.0.{n}:80, 2026-11-26 02:00:{n:02}" for n in range(60)
    ]
    assert {kind_of(error) for error in errors} == {"run <id>: open <text>: errno <number> at <address>, <time>"}


@given(st.text() | st.text(alphabet="a1/.:-'\"@[] é\\", max_size=2000))
def test_a_kind_is_never_empty_nor_long(error: str) -> None:
    kind = kind_of(error)
    assert 1 <= len(kind.encode("utf-8", "surrogatepass")) <= MAX_KIND_BYTES


def test_a_kind_is_cut_between_characters() -> None:
    assert kind_of("é" * 300) == "é" * 100
    assert kind_of("a" + "é" * 300) == "a" + "é" * 99


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("disk \u0663 of 5", "disk \u0663 of <number>"),  # a digit to every Python
        ("disk \U00011f50 of 5", "disk \U00011f50 of <number>"),  # to Python 3.12 and later
        ("\U00011f04'ab' 5", "\U00011f04'ab' <number>"),  # a letter to those
        ("größe/ä/b.c 5", "<path> <number>"),
        ("з'єднань 5 п'ять", "з'єднань <number> п'ять"),
    ],
)
def test_letters_and_digits_of_other_scripts_do_not_depend_on_the_version_of_python(error: str, kind: str) -> None:
    assert kind_of(error) == kind
