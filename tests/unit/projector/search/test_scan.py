"""The scan finds what the plain way finds: every entry read strictly, and judged by the filter's words."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.log import Entry
from projector.errors import InvalidQuery
from projector.fold.entry import read_entry
from projector.records import CleanupRecord
from projector.search import Filter, host_of
from projector.search.entry import LogEntry, log_entry_of
from projector.search.scan import Scan

_WORDS = st.sampled_from(
    ["deploy", "Deploy", "de/ploy", 'd"q', "a\\b", "a\nb", "straße", "STRASSE", "\u212a", "k", "é"]
)
"""Among them the Kelvin sign, which is a `k` where upper and lower case are the same."""
_NAMES = _WORDS | st.text(min_size=1, max_size=4)
_GLOBS = st.builds("".join, st.lists(_WORDS | st.sampled_from(["*", "?", "[a-e]", "[", "]", "true"]), max_size=3))
_LABELS = st.dictionaries(st.sampled_from(["host", "user"]), st.sampled_from(["deploy", "k", 'd"q', "é"]), max_size=2)
_BY = st.sampled_from([None, "deploy:1:ab", "k:2:cd", "é:3:ef", "plain"])


def _operation(kind: str, **fields: object) -> dict[str, object]:
    return {"type": kind} | {name: value for name, value in fields.items() if value is not None}


_STARTS = st.builds(
    _operation,
    st.just("action_execution_started"),
    action_id=_NAMES,
    source=_NAMES,
    execution_type=st.just("command"),
    started_at=st.just(1),
    execution_id=st.none() | _NAMES,
    command=st.none() | _NAMES,
    labels=st.none() | _LABELS,
)
_ENDS = st.builds(
    _operation,
    st.just("action_execution_completed"),
    action_id=_NAMES,
    success=st.booleans(),
    output=st.none() | _NAMES,
    error=st.none() | _NAMES,
    duration_ms=st.integers(0, 9),
    completed_at=st.just(5),
)
_CLEANUPS = st.builds(
    _operation,
    st.just("cleanup_executed"),
    scanner_id=_NAMES,
    resource_id=_NAMES,
    action=_NAMES,
    success=st.booleans(),
    executed_at=st.just(5),
    labels=st.none() | _LABELS,
)
_ORPHANS = st.builds(
    _operation,
    st.just("action_execution_orphaned"),
    action_id=_NAMES,
    execution_id=_NAMES,
    reason=_NAMES,
    orphaned_at=st.just(5),
)


def _escaped(text: str, letters: list[bool]) -> str:
    """The JSON string with some of its letters as `\\u…`: other encoders than ours may write any of them so."""
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    if not any(letters):
        return json.dumps(text, ensure_ascii=False)
    if any(0xD800 <= code < 0xE000 for code in codes):
        return json.dumps(text)
    wanted = (letters * (len(codes) + 1))[: len(codes)]
    parts = [
        f"\\u{code:04x}" if escape else json.dumps(chr(code))[1:-1]
        for code, escape in zip(codes, wanted, strict=True)
    ]
    return f'"{"".join(parts)}"'.replace("/", "\\/")


def _raw(operation: dict[str, Any], letters: list[bool], space: str) -> bytes:
    def text_of(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ",".join(f"{_escaped(name, letters)}:{text_of(each)}" for name, each in value.items()) + "}"
        return _escaped(value, letters) if isinstance(value, str) else json.dumps(value)

    return (
        "{" + ",".join(f"{_escaped(n, letters)}{space}:{space}{text_of(v)}" for n, v in operation.items()) + "}"
    ).encode()


_OPERATIONS = st.builds(
    _raw,
    _STARTS | _ENDS | _CLEANUPS | _ORPHANS,
    st.lists(st.booleans(), max_size=3),
    st.sampled_from(["", " "]),
) | st.sampled_from([b"", b"{}", b'{"type":"reboot"}', b'{"type":"cleanup_executed","success":0}'])


def _entry(raw: bytes, by: str | None, order: bool) -> Entry:
    identity = [] if by is None else [b"by", by.encode(), b"seq", b"1"]
    return b"1-1", [*identity, b"op", raw] if order else [b"op", raw, *identity]


_FILTERS = st.builds(
    Filter,
    action=st.none() | _GLOBS,
    scanner=st.none() | _GLOBS,
    source=st.none() | _GLOBS,
    resource=st.none() | _GLOBS,
    type=st.none() | st.sampled_from(["started", "completed", "cleanup", "orphaned", "gaps_accepted"]),
    host=st.none() | _GLOBS,
    grep=st.none() | _NAMES,
    success=st.none() | st.booleans(),
    longer_than_ms=st.none() | st.integers(0, 9),
    labels=st.just({}) | _LABELS,
) | st.one_of(
    st.builds(Filter, labels=_LABELS),
    st.builds(Filter, action=_GLOBS),
    st.builds(Filter, grep=_NAMES),
    st.builds(Filter, host=_GLOBS),
    st.builds(Filter, success=st.booleans()),
)


def plainly(where: Filter, operation: Any, by: str | None) -> bool:
    """The filter's meaning in other words, without a look at bytes."""

    def like(glob: str | None, name: str | None) -> bool:
        return glob is None or (name is not None and (name == glob or fnmatchcase(name, glob)))

    def of(name: str) -> Any:
        return getattr(operation, name, None)

    if where == Filter():
        return True
    texts = ["error", "output", "reason", "action_id", "execution_id", "source", "execution_type", "scanner_id"]
    told = [text for text in map(of, [*texts, "resource_id", "command", "producer_id"]) if text]
    failed = of("success") is False or of("type") == "action_execution_orphaned"
    return (
        (like(where.action, of("action_id")) or like(where.action, of("action")))
        and like(where.scanner, of("scanner_id"))
        and like(where.resource, of("resource_id"))
        and like(where.source, of("source"))
        and like(where.host, host_of(of("labels"), by))
        and (where.type is None or of("type") == where.type)
        and (where.success is None or (failed if where.success is False else of("success") is True))
        and (where.longer_than_ms is None or (of("duration_ms") or 0) > where.longer_than_ms)
        and (where.grep is None or not where.grep or any(where.grep.casefold() in text.casefold() for text in told))
        and all((of("labels") or {}).get(name) == value for name, value in where.labels.items())
    )


@settings(max_examples=100, deadline=None)
@given(where=_FILTERS, page=st.lists(st.builds(_entry, _OPERATIONS, _BY, st.booleans()), min_size=1, max_size=8))
def test_it_misses_nothing_whatever_is_escaped_and_finds_nothing_else(where: Filter, page: list[Entry]) -> None:
    read = [read_entry(*entry) for entry in page]
    expected = [entry.fields for entry in read if plainly(where, entry.operation, entry.by)]
    assert [entry.fields for entry in Scan(where).of_page(page)] == expected


_LETTERS = st.lists(st.booleans(), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(name=_NAMES, letters=_LETTERS, at=st.integers(0, 20), wild=st.sampled_from(["", "*", "?"]), data=st.data())
def test_a_name_is_found_however_its_letters_are_written(
    name: str, letters: list[bool], at: int, wild: str, data: st.DataObject
) -> None:
    """One letter of the name is `wild` in the glob, or the glob is the name, whose brackets are quoted or not."""
    quoted = ["[[]" if letter == "[" else f"[{letter}]" if letter in "*?" else letter for letter in name]
    if wild:
        quoted[at % len(quoted)] = wild
    glob = "".join(quoted) if wild else data.draw(st.sampled_from(["".join(quoted), name]))
    start = {
        "type": "action_execution_started",
        "action_id": name,
        "source": name,
        "execution_type": "x",
        "started_at": 1,
    }
    cleanup = {"type": "cleanup_executed", "scanner_id": name, "resource_id": name, "action": "x", "success": False}
    cleanup |= {"executed_at": 1}
    wanted = data.draw(
        st.sampled_from(["action", "source", "scanner", "resource", "grep", "type", "success", "host"])
    )
    operation = start if wanted in ("action", "source", "type") else cleanup
    asked = {"grep": name, "type": "started", "success": False, "host": "*"}
    entry = _entry(_raw(operation, letters, ""), "k:1:a", order=False)
    where = Filter(**{wanted: asked.get(wanted, glob)})  # type: ignore[arg-type]  # each is of its type
    assert [read.fields for read in Scan(where).of_page([entry])] == [entry[1]]


@settings(max_examples=100, deadline=None)
@given(host=_NAMES.filter(lambda name: not set(name) & set("*?[")), order=st.booleans())
def test_a_host_is_found_in_the_id_of_the_producer(host: str, order: bool) -> None:
    raw = (
        b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"r","action":"x","success":true,"executed_at":1}'
    )
    entry = _entry(raw, f"{host}:42:ab", order)
    assert len(list(Scan(Filter(host=host)).of_page([entry]))) == 1
    assert not list(Scan(Filter(host=f"{host}x")).of_page([entry]))


def test_an_entry_tells_what_was_recorded_and_gives_its_line() -> None:
    raw = (
        b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"r","action":"x","success":true,"executed_at":1}'
    )
    entry = b"1700000000000-3", [b"op", raw, b"by", b"p", b"seq", b"7", b"acked", b"6"]
    found = log_entry_of(read_entry(*entry))
    assert (found.entry_id, found.time, found.by, found.seq) == ("1700000000000-3", 1_700_000_000_000, "p", 7)
    assert found.operation == json.loads(raw)
    assert found.at.isoformat() == "2023-11-14T22:13:20+00:00"
    assert found.line == '{"id":"1700000000000-3","by":"p","seq":7,"acked":6,"op":' + raw.decode() + "}"
    assert "fields" not in found.document


def test_an_entry_that_cannot_be_read_says_why_and_is_found_if_nothing_else_is_asked() -> None:
    entry = b"1-1", [b"op", b"{", b"by", b"web:1:a", b"seq", b"1"]
    (read,) = Scan(Filter()).of_page([entry])
    found: LogEntry = log_entry_of(read)
    assert (found.type, found.operation) == (None, None)
    assert "JSON" in (found.rejection or "")
    assert [len(list(Scan(where).of_page([entry]))) for where in (Filter(host="web"), Filter(success=True))] == [1, 0]


def test_records_are_judged_by_the_same_rule() -> None:
    record = CleanupRecord("locks", "lock:deploy", "delete", False, "Busy", 1, "web:1:a", "5-0")
    matching = Filter(scanner="l*", resource="lock:*"), Filter(success=False, grep="busy"), Filter(action="del*")
    for where in (*matching, Filter(host="web")):
        assert where.test()(record, record.by)
    for where in (Filter(action="lock*"), Filter(success=True), Filter(longer_than_ms=0), Filter(type="cleanup")):
        assert not where.test()(record, record.by)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"action": 5}, "action: expected text or None, found 5"),
        ({"type": "start"}, "type: expected one of started, completed, cleanup, orphaned, "),
        ({"success": "no"}, "success: expected True, False or None, found 'no'"),
        ({"longer_than_ms": 1.5}, "longer_than_ms: expected milliseconds or None, found 1.5"),
        ({"labels": {"a": 1}}, "labels: expected names and values that are text, found {'a': 1}"),
    ],
)
def test_what_makes_no_filter_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        Filter(**arguments)
    assert str(refused.value).startswith(said)
