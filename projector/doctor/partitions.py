"""Checks of the partitions of a namespace: do their numbers make sense, and does every producer know of them?"""

from collections.abc import Iterator

from producer.partitions.naming import MOST_PARTITIONS, partitions_key, read_partitions_key
from producer.text.wording import counted
from producer.wal import BY
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, warning, wrong
from projector.entry_id import order_of
from projector.errors import text_of

_LATELY_MS = 3_600_000
"""A producer that recorded within that time is taken to be at work."""
_LOOKED_AT = 100


def partitions(case: Case) -> Iterator[Finding]:
    """The number that producers record to, the number that is read, and nobody who records past the partitions."""
    namespace = case.keys.namespace
    keys = partitions_key(namespace).encode(), read_partitions_key(namespace).encode()
    texts = case.reader.each(*(("GET", key) for key in keys))
    if texts == [None, None]:
        yield ok("none")
        return
    numbers = [_number(text) for text in texts]
    written, read = numbers
    mend = case.projector(f"repartition {written or read or 'N'}")
    lacking = [(key, text) for key, text, number in zip(keys, texts, numbers, strict=True) if number is None]
    for key, text in lacking:
        found = "nothing" if text is None else repr(text_of(text))
        yield wrong(
            f"{text_of(key)}: expected a number from 1 to {MOST_PARTITIONS:,}, found {found}",
            "producers and readers do not agree on the partitions",
            mend,
        )
    if written is None or read is None:
        return
    if read < written:
        yield wrong(
            f"{written:,}, but no more than {read:,} are read",
            "what is recorded to the others is neither projected nor read",
            mend,
        )
        return
    if past := _past(case, written):
        yield past
    yield ok(f"{written:,}, all of them read" if read == written else f"{written:,}, and {read:,} are read")


def _number(text: bytes | None) -> int | None:
    """None for what nobody of ours wrote."""
    number = int(text) if text and text.isdigit() and len(text) < 5 else 0
    return number if 1 <= number <= MOST_PARTITIONS else None


def _past(case: Case, written: int) -> Finding | None:
    """A finding if a producer has recorded to the namespace's own log, past its partitions, lately."""
    name, now = case.keys.namespace, case.first_look.now
    for entry_id, fields in case.reader.call("XREVRANGE", case.keys.wal, "+", "-", "COUNT", _LOOKED_AT):
        age = now - order_of(text_of(entry_id))[0]
        by = dict(zip(fields[::2], fields[1::2], strict=False)).get(BY)
        if age <= _LATELY_MS and by:
            return warning(
                f"{text_of(by)} recorded to the log of {name} itself, past its partitions, {_ago(age)}",
                "a producer without partitions is at work: an action's runs are in two logs, in no order",
                f"start it anew with Producer(namespace={name!r}, partitions={written}); if it has ended, this "
                "passes within an hour",
            )
    return None


def _ago(milliseconds: int) -> str:
    minutes = max(0, milliseconds) // 60_000
    return f"{counted(minutes, 'minute')} ago" if minutes else "less than a minute ago"
