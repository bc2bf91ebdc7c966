"""Texts from the log made fit for a terminal: one line, and nothing in it that the terminal would obey."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control characters, formats (among them those that reverse the direction of a line), separators of lines."""


def visible(text: str) -> str:
    """`text` with control characters and the like as escapes: `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _UNSEEN else character
        for character in text
    )
