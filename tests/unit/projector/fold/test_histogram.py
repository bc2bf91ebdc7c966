"""The buckets of durations: where they begin and end, and how far off their middle can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.operations import MAX_INTEGER
from projector.fold.histogram import bucket_of

_DURATIONS = st.integers(0, MAX_INTEGER) | st.integers(0, 53).map(lambda power: min(2**power, MAX_INTEGER))


def first_of(bound: int) -> int:
    """The least duration in the bucket that ends at `bound`: one above the greatest in the bucket before."""
    low, high = 0, bound
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if bucket_of(middle) == bound else (middle + 1, high)
    return low


@pytest.mark.parametrize("duration", range(64))
def test_below_64_each_duration_has_its_own_bucket(duration: int) -> None:
    assert bucket_of(duration) == duration


@pytest.mark.parametrize(
    ("first", "bound"),
    [
        (64, 65),
        (126, 127),
        (128, 131),
        (132, 135),
        (992, 1007),
        (1024, 1055),
        (2**52, 2**52 + 2**47 - 1),
        (2**53 - 2**47, 2**53 - 1),
    ],
)
def test_a_bucket_reaches_from_its_first_duration_to_its_bound(first: int, bound: int) -> None:
    assert bucket_of(first - 1) == first - 1
    assert bucket_of(first) == bound
    assert bucket_of(bound) == bound
    assert bucket_of(bound + 1) > bound


@pytest.mark.parametrize("power", range(5, 53))
def test_each_power_of_two_is_cut_into_32_buckets_of_equal_width(power: int) -> None:
    width = 2**power // 32
    bounds = {bucket_of(first) for first in range(2**power, 2 ** (power + 1), width)}
    assert bounds == {2**power + (number + 1) * width - 1 for number in range(32)}


@given(duration=_DURATIONS)
def test_the_bound_is_inclusive_and_its_own_bucket(duration: int) -> None:
    bound = bucket_of(duration)
    assert bound >= duration
    assert bucket_of(bound) == bound


@given(duration=_DURATIONS)
def test_the_middle_of_a_bucket_is_within_a_64th_of_every_duration_in_it(duration: int) -> None:
    """In integers, since floats would round: |middle - duration| ≤ duration / 64, both sides times 128."""
    bound = bucket_of(duration)
    twice_the_middle = first_of(bound) + bound
    assert abs(twice_the_middle - 2 * duration) * 64 <= 2 * duration


@given(one=_DURATIONS, other=_DURATIONS)
def test_a_longer_duration_is_never_in_an_earlier_bucket(one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    assert bucket_of(shorter) <= bucket_of(longer)


def test_the_longest_duration_is_in_a_bucket_that_json_keeps_exact() -> None:
    assert bucket_of(MAX_INTEGER) == MAX_INTEGER
