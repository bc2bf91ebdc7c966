"""All partitions of one namespace, as a producer writes to them."""

from __future__ import annotations

import os
import threading
import time
from functools import partial, reduce
from operator import add

from producer.connection.client import Client, client_of, where
from producer.connection.location import PASSWORD_FILE_VARIABLE, URL_VARIABLE
from producer.delivery.standing import Standing
from producer.errors import Unacknowledged
from producer.execution.execution import Execution
from producer.identity import Receipt
from producer.operations import CleanupExecuted, decode
from producer.partitions.agreement import Agreement
from producer.partitions.naming import MOST_PARTITIONS, partition_number, partition_of
from producer.partitions.partition import Partition
from producer.text.truncation import text_of
from producer.wal import namespace_tag


class Partitions:
    """The `count` partitions of `namespace`, each opened by its first operation, with a client of its own.

    `open_one(target, namespace, agree=…, adopts=…)` opens one. The first is opened at once: it
    judges the options, and delivers what dead producers have left in the spool. Raises ValueError for a count that
    makes no sense, and UnusableServer for a namespace that is too long to have partitions.
    """

    def __init__(
        self,
        target: str | Client | None,
        namespace: str,
        count: int,
        *,
        open_one: partial[Partition],
    ) -> None:
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_PARTITIONS:
            raise ValueError(f"partitions: expected a number from 1 to {MOST_PARTITIONS}, found {count!r}")
        namespace_tag(partition_of(namespace, count - 1))
        if target is None:  # read once, because a partition may be opened much later
            target = os.environ.get(URL_VARIABLE)
            file = open_one.keywords["password_file"] or os.environ.get(PASSWORD_FILE_VARIABLE)
            open_one = partial(open_one, password_file=file)
        self._target = target
        self._namespace = namespace
        self._count = count
        self._open_one = open_one
        options = {name: open_one.keywords[name] for name in ("timeout", "password_file")}
        self._client, _ = client_of(target, namespace, **options)
        self._agreement = Agreement(self._client, namespace, count)
        self._changing = threading.RLock()  # reentrant, because a signal handler may record
        self._is_closed = self._is_forked = False
        self._opened: list[Partition | None] = [None] * count
        self._open(0)

    @property
    def only(self) -> None:
        """The delivery of all operations: there is none, because each partition has its own."""
        return None

    @property
    def place(self) -> str:
        """Where the namespace is, for a person."""
        return f"{where(self._client)} in {self._count} partitions"

    @property
    def trouble(self) -> str | None:
        """Why waiting operations of a partition cannot be forwarded at present; None if they can."""
        return next((trouble for each in self._all_open() if (trouble := each.trouble)), None)

    @property
    def standing(self) -> Standing:
        """What has become of the operations of all partitions."""
        return reduce(add, (each.standing for each in self._all_open()))

    @property
    def unwatched(self) -> str | None:
        """Why the server refuses heartbeats for a partition; None if it does not, so far."""
        return next((why for each in self._all_open() if (why := each.unwatched)), None)

    @property
    def runs(self) -> list[Execution]:
        """The open runs of all partitions."""
        return [run for each in self._all_open() for run in each.runs]

    def of(self, name: object) -> Partition:
        """The partition of the action or the scanner `name`; any of them if that is no text."""
        if self._is_forked:
            self._is_forked = False
            _ = self._all_open()[-1].delivery.by  # which begins to look for what dead producers have left
        number = partition_number(text_of(name), self._count) if isinstance(name, str) else 0  # no text is refused
        return self._opened[number] or self._open(number)

    def begin(self, run: Execution) -> bool:
        """Beat in the partition of `run` until its end. Returns whether its start may promise heartbeats."""
        return self.of(run.action_id).begin(run)

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of `error` again, to its own partition."""
        return self.of(name_of(error.raw)).resend(error)

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:
        """Whether all operations have arrived, within `timeout` seconds for all partitions together."""
        deadline = time.monotonic() + timeout
        first = self._opened[0]
        return all(
            each.flush(
                max(0.0, deadline - time.monotonic()), leftovers=leftovers and each is first, attempts=attempts
            )
            for each in self._all_open()
        )

    def close(self, timeout: float) -> None:
        """Close all partitions, within `timeout` seconds together."""
        with self._changing:
            self._is_closed = True
        deadline = time.monotonic() + timeout
        for each in self._all_open():
            each.close(max(0.0, deadline - time.monotonic()))

    def begin_process(self) -> None:
        """In a forked child: leave what is the parent's to the parent."""
        self._changing = threading.RLock()
        self._is_forked = True
        self._agreement.begin_process()
        for each in self._all_open():
            each.begin_process()

    def _all_open(self) -> list[Partition]:
        """The first is the last: it may have to wait for what dead producers have left."""
        return [each for each in reversed(self._opened) if each is not None]

    def _open(self, number: int) -> Partition:
        with self._changing:
            found = self._opened[number]
            if found is None:
                found = self._open_one(
                    self._target,
                    partition_of(self._namespace, number),
                    agree=self._agreement.reach,
                    adopts=number == 0,
                )
                if (other := self._opened[number]) is not None:  # by a signal handler meanwhile
                    found.close(0)
                    return other
                if self._is_closed:
                    found.close(0)  # so that it refuses the operation as the others do
                self._opened[number] = found
            return found


def name_of(raw: bytes) -> str | None:
    """The action or the scanner of the operation `raw`, by which it has its partition."""
    operation = decode(raw)
    if isinstance(operation, CleanupExecuted):
        return operation.scanner_id
    return getattr(operation, "action_id", None)
