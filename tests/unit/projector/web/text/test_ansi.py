"""The colours of an output become classes, and nothing else in it does anything to a page."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from projector.web.text.ansi import coloured

SPAN = re.compile(r'<span class="[a-z][a-z -]*">|</span>')
OUTPUT = 16 * 1024
"""Bytes that a producer keeps."""


def read(drawn: Markup) -> str:
    """The text that a page shows; raises if there is any markup but spans with classes."""
    bare = SPAN.sub("", drawn)
    assert "<" not in bare
    assert ">" not in bare
    assert '"' not in bare
    return unescape(bare)


@pytest.mark.parametrize(
    ("printed", "drawn"),
    [
        ("plain", "plain"),
        ("", ""),
        ("\x1b[31mred\x1b[0m plain", '<span class="fg-red">red</span> plain'),
        ("\x1b[1;31mred\x1b[22m\x1b[39m plain", '<span class="fg-red bold">red</span> plain'),
        ("\x1b[97;104mx\x1b[m", '<span class="fg-bright-white bg-bright-blue">x</span>'),
        ("\x1b[2m\x1b[3m\x1b[4m\x1b[7m\x1b[9mx", '<span class="dim italic underline reverse strike">x</span>'),
        ("\x1b[4:3mx\x1b[4:0my", '<span class="underline">x</span>y'),
        ("\x1b[38;5;9mx", '<span class="fg-bright-red">x</span>'),
        ("\x1b[38;5;196mx", '<span class="fg-bright-red">x</span>'),
        ("\x1b[48;5;232mx", '<span class="bg-black">x</span>'),
        ("\x1b[38;2;250;10;5;1mx", '<span class="fg-bright-red bold">x</span>'),
        ("\x1b[38:2::0:0:230mx", '<span class="fg-blue">x</span>'),
        ("\x1b[31ma\x1b[31mb\x1b[1K", '<span class="fg-red">ab</span>'),  # the same again makes no second span
    ],
)
def test_colours_become_classes(printed: str, drawn: str) -> None:
    assert coloured(printed) == drawn


@pytest.mark.parametrize(
    "given",
    ["999", "38", "38;5", "38;5;256", "38;2;1;2", "38;2;1;2;256", "38:9:1", "5", "8", "?25", ">4;1", "1" * 5000],
)
def test_a_colour_that_is_none_changes_nothing_and_nothing_is_hidden(given: str) -> None:
    assert coloured(f"a\x1b[{given}mb") == "ab"


def test_text_in_the_colour_of_its_ground_is_not_hidden() -> None:
    assert coloured("\x1b[30;40mx") == '<span class="fg-black">x</span>'


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[2J",
        "\x1b[1;1H",
        "\x1b[?1049h",
        "\x1b]0;a title\x07",
        "\x1b]8;;https://evil.example/\x1b\\",
        "\x1b]52;c;c3VkbyBybSAtcmYgLw==\x07",
        "\x1bPq#0\x1b\\",
        "\x1b_G\x1b\\",
        "\x1bc",
        "\x1b(B",
    ],
)
def test_what_a_terminal_would_do_is_left_out(sequence: str) -> None:
    assert coloured(f"a{sequence}b") == "ab"


def test_a_title_without_an_end_hides_no_more_than_its_line() -> None:
    assert coloured("a\x1b]0;title\nb") == "a\nb"


def test_control_characters_and_turned_lines_are_seen() -> None:
    assert coloured("a\x00\x07\x08\x1b\x7f\x9b\u202eb\u2066\ud800\tc\n") == "a␀␇␈␛␡\\x9b\\u202eb\\u2066\ufffd\tc\n"


def test_each_state_of_a_progress_bar_is_a_line() -> None:
    assert coloured("10 %\r50 %\r\x1b[K100 %\r\ndone\r\r\n") == "10 %\n50 %\n100 %\ndone\n"


def test_right_to_left_text_and_emoji_stay_as_they_are() -> None:
    assert coloured("שלום \U0001f468\u200d\U0001f469") == "שלום \U0001f468\u200d\U0001f469"


def test_an_output_that_is_all_colours_makes_no_page_long() -> None:
    worst = "\x1b[0;1;2;3;4;7;9;95;106m<\x1b[0;1;2;3;4;7;9;96;105m>"
    for letter in ("\x1b[1mx\x1b[2my", "\x1b[31m&\x1b[32m<", worst):
        printed = (letter * OUTPUT)[:OUTPUT]
        assert len(coloured(printed).encode()) < 64 * 1024
        assert read(coloured(printed)).startswith(read(coloured(letter)) * 100)


_WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf"])).filter(lambda text: "\x1b" not in text)
_SEQUENCES = st.one_of(
    st.lists(st.integers(0, 300).map(str) | st.just(""), max_size=8).map(lambda codes: f"\x1b[{';'.join(codes)}m"),
    st.sampled_from(["\x1b[2K", "\x1b]0;<b>\x07", "\x1b]8;;http://a/\x1b\\", "\x1b=", "\x1b[?25l"]),
)


@given(st.lists(st.tuples(_WORDS, _SEQUENCES)))
def test_what_is_shown_is_what_was_printed_without_its_sequences(pieces: list[tuple[str, str]]) -> None:
    printed = "".join(words + sequence for words, sequence in pieces)
    assert read(coloured(printed)) == "".join(words for words, _ in pieces)


@given(st.text(st.sampled_from("\x1b[]0;138m:?@P\\\x07<&>\"'a\r\n\x9b ")))
def test_no_text_makes_markup_of_its_own(printed: str) -> None:
    shown = read(coloured(printed))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert shown.count("<") <= printed.count("<")
