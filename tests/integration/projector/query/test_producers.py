"""The producers that the projection knows, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from projector import Query
from tests.support.projection import Log, completed, gaps_accepted

pytestmark = pytest.mark.server


def test_producers_with_gaps_come_first_then_the_latest_with_what_is_missing_and_whose_heart_beats(log: Log) -> None:
    other = Log(log.client, log.url, f"{log.namespace}-other")
    log.add(completed("a"), "by", "gappy", "seq", 2, entry_id="1790000000000-1")
    log.add(completed("a"), "by", "gappy", "seq", 6, entry_id="1790000000000-2")
    log.add(gaps_accepted("gappy", 1, "lost", 1_790_000_000_000, by="me"), entry_id="1790000000000-3")
    log.add(completed("a"), "by", "whole", "seq", 1, entry_id="1790000000000-9")
    other.add(completed("a"), "by", "late", "seq", 1, entry_id="1790000000000-10")
    for each in (log, other):
        each.drain()
    log.client.set(log.key("heartbeat:whole"), "1", ex=60)
    with Query(log.client, namespaces=[log.namespace, other.namespace]) as query:
        found = query.producers()
        cut = query.producers(2)
    assert [(one.by, one.namespace, one.alive) for one in found] == [
        ("gappy", log.namespace, False),
        ("late", other.namespace, False),
        ("whole", log.namespace, True),
    ]
    first = found[0]
    assert (first.seq, first.missing, first.gaps, first.accepted) == (6, 4, [(1, 1), (3, 5)], 1)
    assert (found[1].gaps, found[1].missing, found[1].entry_id) == ([], 0, "1790000000000-10")
    assert found[1].at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert (found.complete, cut.complete, list(cut)) == (True, False, found[:2])
