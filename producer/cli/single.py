"""A single operation of the command line: in the log, or in the spool while the server does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from producer.cli.options import namespace_of, open_producer, place_of
from producer.cli.spool import deliver_leftovers, flush_command
from producer.connection.destination import Destination
from producer.errors import SpoolUnusable, Unacknowledged, Unavailable, WalRefused
from producer.identity import FormerIdentity, Receipt
from producer.spool.directory import SpoolDirectory
from producer.spool.options import Spool
from producer.terminal.options import LogAddress

if TYPE_CHECKING:
    from producer.partitions.partition import Agree
    from producer.producer import Producer

_SECONDS = 0.6
"""How long the server may take to answer, and before that to take what earlier commands left."""


def record_or_keep(
    record: Callable[[Producer], Receipt],
    name: str,
    log: LogAddress,
    spool: Path | None,
    *,
    partitions: int | None,
    **options: Any,
) -> Receipt:
    """Have a producer with `options` `record` an operation of the action or scanner `name`, behind those that earlier
    commands left.

    Stderr is told if it has to wait. Raises as a direct call does if the server refuses the operation, or does not
    answer and the spool cannot be used.
    """
    namespace = namespace_of(log, partitions, name)
    location = log.location
    destination = Destination.at(location)
    agree = _agreement(log, partitions)
    reason = unusable = None
    try:
        place = place_of(spool)
        directory = SpoolDirectory(Spool(place, destination=destination))
        reason = _hindrance(place, location.url, replace(destination, namespace=namespace), agree=agree)
    except SpoolUnusable as error:
        unusable = error
    with open_producer(
        log, timeout=_SECONDS, spool=place if reason else None, partitions=partitions, **options
    ) as producer:
        try:
            receipt = record(producer)
        except WalRefused:
            raise
        except Unacknowledged as error:
            reason, receipt = error.reason, error.receipt
            try:
                if unusable is not None:
                    raise unusable
                # Under its own number: it may have landed, and counts once.
                with closing(directory.create(FormerIdentity(receipt.by, error.acked), namespace)) as queue:
                    queue.append(error.raw, int(time.time() * 1000))
            except Unavailable as trouble:
                typer.echo(f"producer: {trouble}", err=True)
                raise error from None
        producer.close(timeout=0)
    if reason:
        how = flush_command(place, *(["--url", destination.server.url] if location.is_named_by_flag else []))
        typer.echo(f"producer: it waits in {place}: {reason}{log.advice(reason)}; to deliver it: {how}", err=True)
    elif unusable and spool:
        typer.echo(f"producer: recorded without a spool: {unusable}", err=True)
    return receipt


def _agreement(log: LogAddress, partitions: int | None) -> Agree | None:
    """What has to precede the first operation that is sent, if the namespace has `partitions`."""
    if partitions is None:
        return None
    from producer.connection.client import client_of
    from producer.partitions.agreement import Agreement

    client, _ = client_of(log.location.url, log.namespace, timeout=_SECONDS)
    return Agreement(client, log.namespace, partitions).reach


def _hindrance(place: Path, url: str, destination: Destination, agree: Agree | None) -> str | None:
    """Why earlier operations for `destination` still wait: a start among them must not come after its end."""
    if not any(place.glob("*.spool")):
        return None
    _, is_done, trouble = deliver_leftovers(place, url, destination, _SECONDS, attempts=1, agree=agree)
    return trouble or (None if is_done else "what waits there was not delivered in time")
