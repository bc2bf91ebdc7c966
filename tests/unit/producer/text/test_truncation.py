"""Texts made to fit: any bytes become text, a long text keeps one end, and a marker says how much went."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.text.truncation import beginning, text_of, truncate

_MARKER = re.compile(r"\[([0-9]+) bytes cut\] ")
_MARKER_BEHIND = re.compile(r" \[([0-9]+) bytes cut\]\Z")

clean_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
any_text = st.text(max_size=60) | st.text(st.sampled_from("a€😀\ud83d\ude00\udcff"), max_size=60)


@given(clean_text)
def test_text_that_utf8_can_carry_is_kept_as_it_is(text: str) -> None:
    assert text_of(text) == text
    assert text_of(text.encode()) == text


@given(any_text)
def test_each_lone_surrogate_becomes_one_replacement_and_a_pair_the_character_it_means(text: str) -> None:
    paired = re.sub("[\ud800-\udbff][\udc00-\udfff]", lambda match: _character(match[0]), text)
    assert text_of(text) == re.sub("[\ud800-\udfff]", "\ufffd", paired)


def _character(pair: str) -> str:
    return chr(0x10000 + ((ord(pair[0]) - 0xD800) << 10) + (ord(pair[1]) - 0xDC00))


def test_bytes_that_are_no_utf8_become_replacements() -> None:
    assert text_of(b"caf\xe9 \xf0\x9f\x98 ok") == "caf\ufffd \ufffd ok"


@given(clean_text, st.integers(0, 400))
def test_what_fits_is_not_touched(text: str, room: int) -> None:
    assert truncate(text, len(text.encode()) + room) == text


@given(clean_text, st.integers(0, 400), st.integers(0, 10**12))
def test_the_marker_and_the_end_of_the_text_are_within_the_bound(text: str, limit: int, already: int) -> None:
    cut = truncate(text, limit, already_cut=already)
    assert len(cut.encode()) <= limit
    marker = _MARKER.match(cut)
    if marker is not None:
        tail = cut[marker.end() :]
        assert text.endswith(tail)
        assert int(marker[1]) == already + len(text.encode()) - len(tail.encode())
    elif cut != text:
        # No room for even a marker: what there is of it, and nothing that could be taken for output.
        assert f"[{already + len(text.encode())} bytes cut] ".startswith(cut)


@given(clean_text.map(lambda text: text + "x" * 40), st.integers(30, 39))
def test_no_more_is_cut_than_the_bound_asks_for(text: str, limit: int) -> None:
    # A character of UTF-8 has at most four bytes, and the count in the marker at most three digits here.
    assert len(truncate(text, limit).encode()) > limit - 4 - 1


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("0123456789" * 5, 30, "[35 bytes cut] 567890123456789"),
        ("€" * 20, 30, "[45 bytes cut] €€€€€"),
        ("😀" * 20, 30, "[68 bytes cut] 😀😀😀"),
        ("x" * 50, 3, "[50"),
        ("x" * 50, 0, ""),
    ],
)
def test_it_cuts_between_characters(text: str, limit: int, expected: str) -> None:
    assert truncate(text, limit) == expected


@given(st.binary(max_size=400) | clean_text.map(str.encode), st.integers(0, 100))
def test_bytes_are_cut_like_the_text_that_they_are(raw: bytes, limit: int) -> None:
    cut = truncate(raw, limit)
    assert len(cut.encode()) <= limit
    if len(text_of(raw).encode()) <= limit:
        assert cut == text_of(raw)
    elif (marker := _MARKER.match(cut)) is not None:
        assert text_of(raw).endswith(cut[marker.end() :])


@given(clean_text.map(lambda text: text + "x" * 30), st.integers(20, 25), st.integers(5, 100))
def test_of_long_bytes_the_marker_counts_each_byte_that_went(text: str, limit: int, times: int) -> None:
    raw = (text * times).encode()
    marker = _MARKER.match(cut := truncate(raw, limit))
    assert marker is not None
    assert int(marker[1]) + len(cut[marker.end() :].encode()) == len(raw)


# -- the beginning --


@given(any_text, st.integers(0, 400))
def test_what_fits_is_not_touched_where_the_beginning_is_kept(text: str, room: int) -> None:
    assert beginning(text, len(text_of(text).encode()) + room) == text_of(text)


@given(clean_text, st.integers(25, 400), st.integers(0, 10**6))
def test_the_beginning_of_the_text_and_the_marker_are_within_the_bound(text: str, limit: int, already: int) -> None:
    cut = beginning(text, limit, already_cut=already)
    assert len(cut.encode()) <= limit
    marker = _MARKER_BEHIND.search(cut)
    assert (marker is None) == (cut == text)
    if marker is not None:
        head = cut[: marker.start()]
        assert text.startswith(head)
        assert int(marker[1]) == already + len(text.encode()) - len(head.encode())


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("0123456789" * 5, 30, "012345678901234 [35 bytes cut]"),
        ("€" * 20, 30, "€€€€€ [45 bytes cut]"),
        ("😀" * 20, 30, "😀😀😀 [68 bytes cut]"),
        ("x" * 50, 0, ""),
    ],
)
def test_behind_the_beginning_it_cuts_between_characters(text: str, limit: int, expected: str) -> None:
    assert beginning(text, limit) == expected
    assert beginning(text.encode(), limit) == expected
