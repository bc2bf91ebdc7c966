"""The body of a snapshot: any history comes back the same, and folds on the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projector.bounds import Bounds
from projector.compression.zstd import zstd
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.keys import Keys
from projector.snapshot.body import packed, unpacked
from tests.support.fold.logs import TINY, Log, folded, logs, projection_of

KEYS = Keys("ns")


def fold_on(history: History, log: Log) -> None:
    for entry_id, fields in log:
        fold(history, read_entry(entry_id.encode(), fields))


@pytest.mark.parametrize("bounds", [TINY, Bounds()], ids=["tiny", "default"])
@settings(max_examples=30, deadline=None)
@given(log=logs(most=80).filter(bool), at=st.integers(1, 80))
def test_any_history_comes_back_the_same_and_folds_on_the_same(bounds: Bounds, log: Log, at: int) -> None:
    history = folded(log[:at], bounds)
    again = unpacked(packed(history, KEYS), bounds, KEYS)
    assert projection_of(again) == projection_of(history)
    fold_on(history, log[at:])
    fold_on(again, log[at:])
    assert projection_of(again) == projection_of(history)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80", b"\x83\xa5lists\x80\xa6hashes\x80\xa7streams\x80"])
def test_another_content_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expected|missing|truncated|expected"):
        unpacked(zstd().compress(content), TINY, KEYS)
    with pytest.raises(ValueError, match="expected a history"):
        unpacked(content, TINY, KEYS)
