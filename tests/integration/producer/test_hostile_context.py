"""Strings that would command a terminal, in every text of who and what: from the producer to what people read."""

from __future__ import annotations

import unicodedata

import pytest

from tests.support.commands import projector
from tests.support.projection import Log

pytestmark = pytest.mark.server

HOSTILE = [
    "two\nlines\r\n",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eevil\u2066",
    "👩‍👩‍👧 \U0001f1e9\U0001f1ea",
    "a\x01b\x85\u2028",
    "x" * 256,
]


def test_a_terminal_obeys_none_of_them_and_the_records_have_them_as_they_are(log: Log) -> None:
    with log.producer() as producer:
        for text in HOSTILE:
            labels = dict.fromkeys(("host", "user", "cwd", "more"), text)
            with producer.execution(text, source=text, execution_id=text, command=text, labels=labels) as run:
                producer.cleanup_executed(text, text, text, False, error=text, labels=labels)
                run.fail(text)
    log.drain()
    lists = [[name, *wide] for name in ("recent", "failures", "cleanups") for wide in ([], ["--wide", "--no-trunc"])]
    for command in (*lists, *(["show", text] for text in HOSTILE), ["trail", "*"]):
        ended = projector(*command, "--url", log.url, "--namespace", log.namespace)
        assert (ended.returncode, ended.stderr) == (0, ""), command
        obeyed = {character for character in ended.stdout if unicodedata.category(character) in ("Cc", "Zl")}
        assert obeyed <= {"\n"}, command
        assert "\u202e" not in ended.stdout, command
    for name in ("executions", "failures", "cleanups"):
        records = reversed(log.records(name))
        assert [(record["execution_id"], record["labels"]["cwd"]) for record in records] == [
            (text, text) for text in HOSTILE
        ]
