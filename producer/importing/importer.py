"""Brings the operations of a file into the log: each under its own number, so that a second import adds nothing."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from producer.connection.client import Client, is_refusal, reason_of
from producer.connection.pause import Pause
from producer.errors import WalRefused, WalUnavailable
from producer.identity import Receipt
from producer.importing.line import BadLine, Importable, OtherType
from producer.importing.log_file import LogFile
from producer.importing.numbers import claimed_lines
from producer.importing.present import Present, Unknown, present_numbers
from producer.operations import decode
from producer.wal import append_command, wal_key

_BATCH = 500
_BATCH_BYTES = 1 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


@dataclass(slots=True, kw_only=True)
class Summary:
    """What an import found in one file. `duplicates` are among `operations`; None if nobody can tell."""

    lines: int = 0
    operations: int = 0
    appended: int = 0
    duplicates: int | None = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """Lines of other operations, by their type."""
    bad: dict[int, str] = field(default_factory=dict)
    """Lines that were not imported: by their number, the reason."""
    unmendable: int = 0
    """How many bad lines a mended copy of the file would not add, or not alone."""
    is_named_by_itself: bool = False
    """Whether the file has operations that have the number of their line: JSON Lines."""

    @property
    def only_duplicates(self) -> bool:
        return self.operations > 0 and self.duplicates == self.operations


class Importer:
    """Appends the operations of files to the log of `namespace`; with `dry_run` it only reads.

    An operation keeps the number that the file gives it, and claims the numbers below. So the operations have to
    reach the log in the order of their numbers. A batch is one MULTI, which lands whole or not at all; if a reply is
    lost, the importer sends it again, for `patience` seconds.
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
        self._lost_from: dict[str, int] = {}
        self.silence: str | None = None
        """Why nobody can tell how many operations are duplicates; None if it is known."""

    def add(self, file: LogFile, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Summary:
        """Import `file`; `progress` gets the number of its bytes that are done, and of all.

        Raises OSError, and Unacknowledged for the first operation of the batch that was not acknowledged.
        """
        summary = Summary()
        for batch, end in _batches(file, self._lost_from, summary):
            self._count_duplicates(batch, summary)
            if not self._dry_run:
                self._append(batch)
                summary.appended += len(batch)
            progress(end, file.size)
        return summary

    def _count_duplicates(self, batch: list[Importable], summary: Summary) -> None:
        for by, seq, _, acked in batch:
            if by not in self._present:
                try:
                    self._present[by] = present_numbers(self._client, self._namespace, by)
                except Unknown as error:
                    self._present[by] = None
                    self.silence = str(error)
            present = self._present[by]
            if present is None:
                summary.duplicates = None
            elif not present.add(seq, acked) and summary.duplicates is not None:
                summary.duplicates += 1

    def _append(self, batch: list[Importable]) -> None:
        deadline = self._monotonic() + self._patience
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._sleep)
        doubtful = False
        while True:
            try:
                with self._client.pipeline(transaction=True) as pipeline:
                    for by, seq, op, acked in batch:
                        pipeline.execute_command(*append_command(self._key, op, by, seq, acked))
                    pipeline.execute()
                return
            except (RedisError, OSError) as error:
                refused = isinstance(error, RedisError) and is_refusal(error)
                doubtful = doubtful or not refused
                if refused or self._monotonic() + pause.seconds > deadline:
                    by, seq, op, acked = batch[0]
                    fate = WalRefused if refused and not doubtful else WalUnavailable
                    reason, receipt = reason_of(error, self._client), Receipt(by, seq, None)
                    raise fate(reason, type=decode(op).type, raw=op, receipt=receipt, acked=acked) from error
            pause.wait()


def _batches(file: LogFile, lost_from: dict[str, int], summary: Summary) -> Iterator[tuple[list[Importable], int]]:
    """The operations of `file` in batches, each with the byte at which it ends; counts all lines in `summary`."""
    batch: list[Importable] = []
    size = end = 0
    unmendable: dict[int, str] = {}
    for number, end, content in claimed_lines(file, lost_from, unmendable):
        summary.lines += 1
        match content:
            case BadLine(reason):
                summary.bad[number] = reason
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
    summary.is_named_by_itself = bool(file.name)
    summary.unmendable = len(unmendable)
    for number, why in unmendable.items():
        summary.bad[number] += f"; {why}"
