"""The export: pages of the trail given to the writer of a format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from producer.connection.client import Client, using_client
from producer.log import Entry, Log
from producer.wal import DEFAULT_NAMESPACE, wal_key
from projector.archive.archive import Archive
from projector.connection.reader import Reader
from projector.entry_id import milliseconds_of, order_of
from projector.export.formats import FORMATS
from projector.trail import Trail

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Exported:
    """`entries` were written. `gone`: how many that are no longer in the log may be missing among
    them, because no archive was given."""

    entries: int
    gone: int


def export(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    file: BinaryIO,
    form: str = "jsonl",
    after_id: str = "",
    last_id: str = "+",
    archive: str | None = None,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Exported:
    """Write to `file` the entries behind `after_id` (empty: from the first) up to `last_id` (`+`: up to the last that
    is there now), in order, as `form`: jsonl, csv or parquet.

    `url_or_client` as for `Query`; `archive` says where the entries are that were trimmed from the log. `progress` is
    called with the entries written so far, and with how many they will be, judged by the entries' times.

    Raises ServerUnavailable, ServerRefused, UnusableServer, ArchiveUnavailable, ArchiveDamaged, what `file` raises,
    and ProjectorError if Parquet's package is not installed.
    """
    with using_client(url_or_client, namespace, timeout=timeout) as client:
        log = Log(Reader(client, wal_key(namespace).encode()).call, namespace)
        found = Archive.at(archive, namespace) if archive else None
        trail = Trail(log, found)
        facts, newest = log.facts(), log.newest(1)
        if newest and (last_id == "+" or order_of(last_id) > order_of(newest[0][0].decode())):
            last_id = newest[0][0].decode()  # else an export would never end while others write
        first_id = facts.first_id if facts else None
        is_archived = found is not None and found.count > 0  # an empty one is of another log, or mistyped
        is_cut = not (is_archived or (after_id and first_id and order_of(after_id) >= order_of(first_id)))
        done = 0

        def pages() -> Iterator[list[Entry]]:
            nonlocal done
            cursor, first_ms = after_id, 0
            while page := trail.after(cursor, _PAGE, last=last_id):
                yield page
                cursor, done = page[-1][0].decode(), done + len(page)
                first_ms = first_ms or milliseconds_of(page[0][0].decode())
                share = (milliseconds_of(last_id) - first_ms + 1) / (milliseconds_of(cursor) - first_ms + 1)
                progress(done, max(done, int(done * share)))

        FORMATS[form](pages(), file)
        return Exported(done, facts.gone if facts and is_cut else 0)
