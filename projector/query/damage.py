"""The errors for a key that holds something else than the projection writes there."""

from __future__ import annotations

from projector.errors import Damaged


def damaged(key: bytes, found: str) -> Damaged:
    return Damaged(f"{key.decode(errors='replace')} holds {found}; mend it with: projector rebuild")


def wrong_type(key: bytes) -> Damaged:
    return Damaged(
        f"{key.decode(errors='replace')} holds another type than the projection's: "
        "delete or rename that key, then run: projector rebuild"
    )
