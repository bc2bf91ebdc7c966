"""Numbers in sentences."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 spool`, `2,000 spools`; `plural` where it is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def waiting(count: int, *, whose: str = "", still: bool = False) -> str:
    """`1 operation waits`, `2 operations of namespace otters still wait`."""
    parts = [counted(count, "operation"), whose, "still" if still else "", "waits" if count == 1 else "wait"]
    return " ".join(filter(None, parts))
