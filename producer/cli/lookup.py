"""The start of a run, for `producer completed` if nobody told it how long the run took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from redis.exceptions import NoPermissionError, RedisError

from producer.connection.client import Client, client_of, reason_of, where
from producer.connection.destination import Destination
from producer.connection.wire import pairs_of, send_once
from producer.errors import InvalidOperation, SpoolUnusable, UndecodableOperation
from producer.operations import ActionExecutionCompleted, ActionExecutionStarted, decode
from producer.spool.directory import SpoolDirectory
from producer.spool.options import Spool
from producer.terminal.options import LogAddress
from producer.wal import OP, projection_key, wal_key

_SECONDS = 0.6
"""How long the server may take for an answer."""
_PAGE = 500
_LONGEST_TAIL = 10_000
"""How many entries are read backwards from the log's end, at most; what lies further back may still be in flight."""
_LONGEST_BYTES = 64 << 20
"""How much is read of a spool, at most; each command like this one has a spool of its own."""

Run = tuple[str, str | None]
"""The action and the execution id, by which a start and its end belong together."""
_Found = ActionExecutionStarted | ActionExecutionCompleted


class StartNotSought(InvalidOperation):
    """The server that may know the start of a run cannot be reached, or this account may not ask."""


def start_of(run: Run, log: LogAddress, spool: Path) -> int:
    """When `run` started (epoch ms): what waits in the directory `spool` is newer than what the log has.

    Raises InvalidOperation if no start without an end can be found, StartNotSought if the server did not let us look.
    """
    client, _ = client_of(log.location.url, log.namespace, timeout=_SECONDS)
    name, reason, kind = "#".join(filter(None, run)), "", InvalidOperation
    try:
        logged = (_of_run(run, op) for op in _newest(client, log.namespace))
        for found in chain([_waiting(run, log, spool)], logged):
            if isinstance(found, ActionExecutionStarted):
                return found.started_at
            if found is not None:
                break
        else:
            in_flight = projection_key(log.namespace, "in_flight")
            if record := send_once(client, "HGET", in_flight, name, seconds=_SECONDS):
                return int(orjson.loads(record)["started_at"])
    except NoPermissionError:  # which the producer's account has not either: so that is no cure
        reason, kind = f": {where(client)}: this account has no permission to read there", StartNotSought
    except RedisError as error:
        reason, kind = f": {reason_of(error, client)}", StartNotSought
    except SpoolUnusable as error:
        reason = f": {error}"
    expected = "--duration-ms, or the start of the same run in the spool or the log to count from"
    raise kind("duration_ms", expected, f"no start of {name!r}{reason}")


def _waiting(run: Run, log: LogAddress, spool: Path) -> _Found | None:
    """The newest start or end of `run` that waits for this log, of no living process."""
    newest = None
    if spool.is_dir():
        destination = Destination.at(log.location, namespace=log.namespace)
        for queue in SpoolDirectory(Spool(spool, destination=destination)).leftovers():
            for _, op in queue.batch(_LONGEST_TAIL, _LONGEST_BYTES):
                newest = _of_run(run, op) or newest
            queue.close()
    return newest


def _newest(client: Client, namespace: str) -> Iterator[bytes]:
    """The operations at the log's end, from the newest."""
    end = "+"
    for _ in range(0, _LONGEST_TAIL, _PAGE):
        page: Any = send_once(client, "XREVRANGE", wal_key(namespace), end, "-", "COUNT", _PAGE, seconds=_SECONDS)
        for entry_id, fields in page:
            end = f"({entry_id.decode()}"
            yield pairs_of(fields).get(OP, b"")
        if len(page) < _PAGE:
            return


def _of_run(run: Run, op: bytes) -> _Found | None:
    """The operation `op` if it is a start or an end of `run`."""
    with suppress(UndecodableOperation):
        operation = decode(op)
        if isinstance(operation, _Found) and (operation.action_id, operation.execution_id) == run:
            return operation
    return None
