"""How many entries are asked for at once, after what came and what it wrote."""

from __future__ import annotations

from projector.worker.batch_size import FIRST, MOST, MOST_BYTES, MOST_WRITTEN, Batch, BatchSize


def batch(entries: int, size: int = 400) -> Batch:
    """So many entries of about `size` bytes each."""
    return [(b"1-0", [b"op", b"x" * (size - 2)])] * entries


def take(size: BatchSize, *, written: int, entry: int = 400) -> int:
    """A full batch of entries of `entry` bytes, each of which writes so much; how many they were."""
    asked = size.count
    size.arrived(batch(asked, entry), full=True)
    size.committed(batch(asked, entry), asked * written)
    return asked


def test_it_doubles_while_more_is_waiting_up_to_a_bound() -> None:
    """The second batch is asked for before anybody knows what the first one writes."""
    size = BatchSize()
    assert [take(size, written=1) for _ in range(8)] == [100, 100, 200, 400, 800, 1600, 3200, 4000]


def test_a_batch_that_is_not_full_leaves_it_as_it_is() -> None:
    size = BatchSize()
    size.arrived(batch(3), full=False)
    size.committed(batch(3), 90)
    assert size.count == FIRST


def test_what_entries_write_bounds_it_two_batches_later_and_it_stays_there() -> None:
    size = BatchSize()
    taken = [take(size, written=3000) for _ in range(10)]
    assert taken[-3:] == [MOST_WRITTEN // 3000] * 3
    assert max(taken) <= MOST_WRITTEN // 3000


def test_it_grows_again_when_entries_write_less() -> None:
    size = BatchSize()
    for _ in range(10):
        take(size, written=3000)
    assert [take(size, written=1) for _ in range(7)][-1] == MOST


def test_large_entries_make_the_very_next_batch_smaller() -> None:
    size = BatchSize()
    for _ in range(10):
        take(size, written=1)
    size.arrived(batch(MOST, 1 << 20), full=True)
    assert 1 <= size.count <= MOST_BYTES >> 20


def test_bytes_count_in_whichever_field_they_are() -> None:
    size = BatchSize()
    size.arrived([(b"1-0", [b"by", b"a", b"seq", b"1", b"op", b"", b"acked", b"x" * MOST_BYTES])] * 100, full=True)
    assert size.count == 1


def test_entries_of_no_bytes_at_all_are_no_trouble() -> None:
    size = BatchSize()
    size.arrived([(b"1-0", [b"", b""])] * FIRST, full=True)
    assert size.count == FIRST


def test_a_session_that_committed_nothing_makes_the_next_begin_with_half_down_to_one() -> None:
    """Its first batch may take longer to fold than a lease lasts: that must not go on for ever."""
    size = BatchSize()
    begun = []
    for _ in range(9):
        size.begin(in_vain=True)
        begun.append(size.count)
    assert begun == [50, 25, 12, 6, 3, 1, 1, 1, 1]


def test_another_session_begins_small_however_large_the_batches_were() -> None:
    size = BatchSize()
    for _ in range(8):
        take(size, written=1)
    size.begin(in_vain=False)
    assert size.count == FIRST
