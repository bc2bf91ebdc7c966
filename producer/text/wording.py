"""Numbers in sentences, and texts made fit for a terminal."""

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control characters, formats (among them those that reverse the direction of a line), separators of lines."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 spool`, `2,000 spools`, `2 entries`; with a verb, `plural` says both: `2 entries were`."""
    usual = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural or usual}"


def waiting(count: int, noun: str = "operation", *, whose: str = "", still: bool = False) -> str:
    """`1 operation waits`, `2 operations of namespace otters still wait`."""
    parts = [counted(count, noun), whose, "still" if still else "", "waits" if count == 1 else "wait"]
    return " ".join(filter(None, parts))


def visible(text: str | bytes) -> str:
    """`text` in one line that no terminal obeys: control characters and the like as `\\n`, `\\x1b`, `\\u202e`."""
    text = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _UNSEEN else character
        for character in text
    )
