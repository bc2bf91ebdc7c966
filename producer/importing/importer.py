"""Brings the operations of a file into the log: each under its own number, so that a second import adds nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from producer.connection import Client, RedisError, is_refusal, reason_of
from producer.errors import WalRefused, WalUnavailable
from producer.importing.line import BadLine, Importable, OtherType
from producer.importing.log_file import LogFile
from producer.importing.present import Present, present_numbers
from producer.operations import decode
from producer.receipt import Receipt
from producer.wal import append_command, wal_key

__all__ = ["Importer", "Summary"]

_BATCH = 500
_BATCH_BYTES = 1 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


@dataclass(slots=True, kw_only=True)
class Summary:
    """What an import found in one file. `duplicates` are among `operations`; None where that is not known."""

    lines: int = 0
    operations: int = 0
    appended: int = 0
    duplicates: int | None = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """Lines of other operations, by their type."""
    bad: list[tuple[int, str]] = field(default_factory=list)
    """Lines that could not be read: number and reason."""

    @property
    def only_duplicates(self) -> bool:
        return self.operations > 0 and self.duplicates == self.operations


class Importer:
    """Appends what files hold to the log of `namespace`; with `dry_run` it only reads.

    Each operation has the number that the file gives it, and claims all below as acknowledged: what the file skips
    was no operation of ours. So they have to reach the log in the file's order, which is why a batch goes as one
    MULTI: it lands whole or not at all. Where the reply was lost it is repeated, for `patience` seconds.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        dry_run: bool = False,
        patience: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._key = wal_key(namespace).encode()
        self._dry_run = dry_run
        self._patience = patience
        self._monotonic = monotonic
        self._sleep = sleep
        self._present: dict[str, Present | None] = {}

    def add(self, file: LogFile, progress: Callable[[int], None] = lambda _end: None) -> Summary:
        """Import `file`; `progress` is told how many of its bytes are done.

        Raises OSError, and WalUnavailable for the first operation of the batch that was not acknowledged.
        """
        summary = Summary()
        for batch, end in _batches(file, summary):
            for by, run in groupby(batch, key=lambda operation: operation.by):
                self._count_duplicates(by, list(run), summary)
            if not self._dry_run:
                self._append(batch)
                summary.appended += len(batch)
            progress(end)
        return summary

    def _count_duplicates(self, by: str, run: list[Importable], summary: Summary) -> None:
        if by not in self._present:
            self._present[by] = present_numbers(self._client, self._namespace, by)
        present = self._present[by]
        for operation in run:
            if present is None:
                summary.duplicates = None
            elif operation.seq not in present:
                present.add(operation.seq)
            elif summary.duplicates is not None:
                summary.duplicates += 1

    def _append(self, batch: list[Importable]) -> None:
        deadline = self._monotonic() + self._patience
        pause, doubtful = _FIRST_PAUSE, False
        while batch:
            try:
                with self._client.pipeline(transaction=True) as pipeline:
                    for by, seq, op in batch:
                        pipeline.execute_command(*append_command(self._key, op, by, seq, seq - 1))
                    pipeline.execute()
                return
            except (RedisError, OSError) as error:
                refused = isinstance(error, RedisError) and is_refusal(error)
                doubtful = doubtful or not refused
                if refused or self._monotonic() + pause > deadline:
                    raise self._not_acknowledged(batch[0], error, refused and not doubtful) from error
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _not_acknowledged(self, first: Importable, error: Exception, refused: bool) -> WalUnavailable:
        return (WalRefused if refused else WalUnavailable)(
            reason_of(error, self._client),
            operation=decode(first.op),
            receipt=Receipt(first.by, first.seq, None),
            acked=first.seq - 1,
        )


def _batches(file: LogFile, summary: Summary) -> Iterator[tuple[list[Importable], int]]:
    """The operations of `file`, those that are sent together, each batch with where it ends; all else is counted."""
    batch: list[Importable] = []
    size = end = 0
    for number, end, content in file.lines():
        summary.lines += 1
        match content:
            case BadLine(reason):
                summary.bad.append((number, reason))
            case OtherType(kind):
                summary.skipped[kind] += 1
            case Importable():
                summary.operations += 1
                batch.append(content)
                size += len(content.op)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch, end
            batch, size = [], 0
    if batch:
        yield batch, end
