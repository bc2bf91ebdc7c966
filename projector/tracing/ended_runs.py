"""The runs of one namespace that have ended since an entry, in the order of the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import takewhile

from producer.log import Call, Log
from projector.archive.archive import Archive
from projector.entry_id import milliseconds_of, order_of, order_of_any
from projector.keys import Keys
from projector.query.parsing import EXECUTIONS
from projector.records import ActionExecutionRecord, of_namespace
from projector.search.filter import Filter
from projector.search.joined import Executions
from projector.search.reading import Reading
from projector.search.walk import PAGE
from projector.trail import Trail

_FEW, _MANY = 100, 1000
"""So many records are asked for, and if these are all new, so many: the list may have millions."""
_PAGES = 5
_PAGES_BACK = 50
"""How far the start of a run is looked for, of which the projection has no record any more: so many entries, in
thousands, before the entries that are read together."""

_log = logging.getLogger("projector")


class EndedRuns:
    """Of the namespace of `keys`, asked by `call`; `archive` opens the archive of what was trimmed, if there is one.

    They are what the projection says, as long as the head of its list reaches back to the entry asked for; else they
    are joined in the log and the archive, so many entries at a time. Every method raises what a Query does.
    """

    def __init__(self, call: Call, keys: Keys, archive: Callable[[], Archive] | None = None) -> None:
        self._call = call
        self._keys = keys
        self._archive = archive

    def stands(self) -> str:
        """The entry up to which is projected; `0-0` before the first."""
        found: bytes | None = self._call("HGET", self._keys.checkpoint, "last_id")
        return found.decode() if found else "0-0"

    def after(self, entry_id: str) -> tuple[list[ActionExecutionRecord], str]:
        """(runs that ended behind `entry_id`, the first first; the entry up to which there are no others)."""
        stands = self.stands()
        position = order_of(entry_id)
        if order_of_any(stands) <= position:
            return [], entry_id
        for most in (_FEW, _MANY):
            newest = self._call("LRANGE", self._keys.executions, 0, most - 1)
            records = [EXECUTIONS.read(raw, self._keys.executions) for raw in newest]
            new = list(takewhile(lambda record: order_of(record.entry_id) > position, records))
            if len(new) < len(records):
                new.reverse()
                return new, max(stands, new[-1].entry_id if new else stands, key=order_of_any)
        return self._joined(entry_id, stands)

    def _joined(self, entry_id: str, stands: str) -> tuple[list[ActionExecutionRecord], str]:
        """The same from the log, up to a few thousand entries further."""
        namespace, archive = self._keys.namespace, self._archive() if self._archive else None
        log = Log(self._call, namespace)
        facts = log.facts() if archive is None else None
        if facts and facts.gone and facts.first_id and order_of(entry_id) < order_of(facts.first_id):
            told = (
                "no spans of what was trimmed behind entry %s: --archive WHERE says where it is, if it was archived"
            )
            _log.warning(told, entry_id)
        trail = Trail(log, archive)
        end = entry_id
        for _ in range(_PAGES):
            page = trail.after(end, PAGE, last=stands)
            if len(page) < PAGE:
                end = stands
                break
            end = page[-1][0].decode()
        gathering = Executions(Filter())
        reading = Reading(
            namespace,
            gathering,
            archive=archive,
            since=milliseconds_of(entry_id),
            before=milliseconds_of(end) + 1,
            limit=None,
            progress=None,
        )
        for _ in range(_PAGES + _PAGES_BACK):
            reading.step(self._call)
            if reading.done:
                break
        gathering.finish()  # also of those whose start was not found
        first, last = order_of(entry_id), order_of(end)
        found = [record for record in gathering.records() if first < order_of(record.entry_id) <= last]
        return [of_namespace(record, namespace) for record in reversed(found)], end
