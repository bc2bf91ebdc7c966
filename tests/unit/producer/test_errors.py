"""The tree of errors: who catches which, and what each keeps on its way to another process."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from producer import (
    BufferFull,
    NotYetDurable,
    Producer,
    Receipt,
    SpoolDamaged,
    SpoolFull,
    SpoolUnusable,
    Unacknowledged,
    Unavailable,
    WalRefused,
    WalUnavailable,
)
from producer.operations import encode, operation_of
from tests.support.spooling import AWAY

FATES = [WalUnavailable, WalRefused, NotYetDurable]
RAW = encode(operation_of({"type": "quarantine_dropped", "entry_id": "1-0", "dropped_at": 1}))


def unacknowledged(kind: type[Unacknowledged]) -> Unacknowledged:
    entry_id = "5-0" if kind is NotYetDurable else None
    return kind("here:1: away", type="quarantine_dropped", raw=RAW, receipt=Receipt("p", 1, entry_id), acked=0)


def test_each_fate_of_an_operation_that_was_sent_is_a_sibling_of_the_others() -> None:
    assert Unacknowledged.__subclasses__() == FATES
    assert [kind.__subclasses__() for kind in FATES] == [[], [], []]


def test_all_that_could_not_be_recorded_is_unavailable() -> None:
    assert Unavailable.__subclasses__() == [Unacknowledged, SpoolFull, SpoolUnusable, BufferFull]
    assert SpoolUnusable.__subclasses__() == [SpoolDamaged]


@pytest.mark.parametrize(("kind", "caught"), [(WalUnavailable, True), (WalRefused, False), (NotYetDurable, False)])
def test_a_fallback_for_an_unknown_fate_does_not_record_a_known_one_twice(
    kind: type[Unacknowledged], caught: bool
) -> None:
    fallback: list[bytes] = []
    try:
        try:
            raise unacknowledged(kind)
        except WalUnavailable as error:
            fallback.append(error.raw)
    except Unacknowledged:
        pass
    assert bool(fallback) == caught


@pytest.mark.parametrize("kind", FATES)
def test_an_error_pickled_for_another_process_keeps_what_it_takes_to_send_the_operation_again(
    kind: type[Unacknowledged],
) -> None:
    error = unacknowledged(kind)
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert vars(copied) == vars(error)
    assert copied.raw == RAW
    assert str(copied) == str(error)


def test_an_operation_that_has_landed_still_has_when_it_cannot_be_sent_again() -> None:
    landed: Any = unacknowledged(NotYetDurable)
    with Producer(AWAY, timeout=0.05) as producer, pytest.raises(NotYetDurable) as again:
        producer.resend(landed)
    assert again.value.receipt == landed.receipt
    assert again.value.raw == RAW
