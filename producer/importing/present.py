"""The numbers of a producer that the log has already, read to tell the user which lines are duplicates.

The projector alone judges what is a duplicate, by the same numbers. An import appends duplicates too.
"""

from functools import partial
from typing import Any

import orjson
from redis.exceptions import RedisError

from producer.connection.client import Client, reason_of, where
from producer.connection.wire import pairs_of, send_once
from producer.log import Log
from producer.wal import ACKED, BY, SEQ, projection_key

_PAGE = 1000
_LONGEST_TAIL = 200_000
"""How many entries behind the checkpoint are read, at most, before the answer is Unknown."""


class Unknown(Exception):
    """The log or the projection cannot be read; the text says why."""


class Present:
    """The numbers of a producer in the log: all up to the highest, without the gaps, as the fold has them."""

    def __init__(self, highest: int, gaps: list[list[int]]) -> None:
        self._highest = highest
        self._gaps = gaps
        self._filled: set[int] = set()

    def add(self, seq: int, acked: int) -> bool:
        """Add the number of an entry, which claims all up to `acked`; return whether it is a new number."""
        if seq > self._highest:
            first = max(self._highest, acked) + 1
            if first < seq:
                self._gaps.append([first, seq - 1])
            self._highest = seq
            return True
        if seq in self._filled or not any(first <= seq <= last for first, last in self._gaps):
            return False
        self._filled.add(seq)
        return True


def present_numbers(client: Client, namespace: str, by: str) -> Present:
    """The numbers of `by` in the projection and in the log behind its checkpoint. Raises Unknown."""
    call = partial(send_once, client)
    log = Log(call, namespace)
    try:
        raw: Any = call("HGET", projection_key(namespace, "producers"), by)
        found: dict[str, Any] = {"seq": 0, "gaps": []} if raw is None else orjson.loads(raw)
        present = Present(found["seq"], found["gaps"])
        last_id = (call("HGET", projection_key(namespace, "checkpoint"), "last_id") or b"").decode()
        for _ in range(0, _LONGEST_TAIL, _PAGE):
            page = log.after(last_id, _PAGE)
            for _, entry in page:
                fields = pairs_of(entry)
                if fields.get(BY) == by.encode():
                    present.add(int(fields[SEQ]), int(fields.get(ACKED, 0)))
            if len(page) < _PAGE:
                return present
            last_id = page[-1][0].decode()
    except RedisError as error:  # an account that may only write, a server that is away
        raise Unknown(reason_of(error, client)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unknown(f"{where(client)}: what stands in place of the projection cannot be read") from error
    raise Unknown(f"{where(client)}: more than {_LONGEST_TAIL:,} entries wait for the projector")
