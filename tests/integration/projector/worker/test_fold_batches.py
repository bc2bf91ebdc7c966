"""However the log is cut into sessions and batches, Redis holds what one fold in memory renders to.

Each drain is a session of its own, which loads the history from the projection as far as its batches ask for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from typing import Any
from unittest import mock

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from projector import Projector
from projector.bounds import Bounds
from projector.commit import carrier
from projector.commit.link import Link
from projector.fold.fold import fold_page
from projector.fold.history import History
from projector.fold.rendering import render
from projector.fold.rollups import rollups
from projector.keys import Keys
from projector.shadow.history_writer import write_history
from projector.snapshot.body import packed, unpacked
from projector.worker import batch_size
from projector.worker import projection_writer as writing
from tests.support.fold.few import few_names_and_kinds
from tests.support.fold.logs import (
    TINY,
    Fields,
    Log,
    broken_completion,
    cleaned,
    completed,
    dropped,
    entry,
    folded,
    logs,
    numbered,
    started,
)
from tests.support.fold.model import Model, plain
from tests.support.servers import Server

pytestmark = pytest.mark.server

_RAW_ENTRIES = 'return redis.call("XRANGE", KEYS[1], "-", "+")'
"""Through a script, since redis-py's own XRANGE makes a dict of an entry, which loses repeated names."""

_BOUNDS = st.sampled_from([TINY, TINY, TINY, Bounds()])
_CUTS = st.lists(st.integers(0, 30), min_size=1, max_size=6)
_MODEST = settings(
    max_examples=75,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@_MODEST
@given(
    log=logs(),
    cuts=_CUTS,
    batch=st.sampled_from([1, 2, 3, 7, 100]),
    part=st.sampled_from([1, 2, 50]),
    bounds=_BOUNDS,
    most=st.sampled_from([1, 2, 1000]),
    carried=st.sampled_from([-1, 30, 1_000_000]),
)
@example(
    log=numbered(broken_completion(), broken_completion()),
    cuts=[1],
    batch=100,
    part=50,
    bounds=Bounds(),
    most=1,
    carried=-1,
)
def test_any_cut_into_sessions_and_batches_gives_the_history_of_one_fold(
    client: redis.Redis,
    shared_server: Server,
    log: Log,
    cuts: list[int],
    batch: int,
    part: int,
    bounds: Bounds,
    most: int,
    carried: int,
) -> None:
    """Sessions end at the `cuts`; each reads so many entries a `batch` and folds them so many a `part`.

    At most so many names have a rollup of their own, and kinds of failure a count of their own and a place in memory.
    Commits of so many commands are `carried` by the script, larger ones by a transaction.
    """
    namespace = f"b{secrets.token_hex(8)}"
    sizes = mock.patch.multiple(batch_size, FIRST=batch, MOST=batch)
    parts = mock.patch.object(writing, "_SLICE", part), mock.patch.object(rollups, "_FEW", part)
    carriers = mock.patch.object(carrier, "_FEW", carried)
    with sizes, few_names_and_kinds(most, in_memory=most), parts[0], parts[1], carriers:
        for first, last in pairwise(sorted({0, len(log), *[min(cut, len(log)) for cut in cuts]})):
            append(client, namespace, log[first:last])
            assert Projector(shared_server.url, namespace, bounds=bounds).drain() == last - first
        assert_history_of(log, bounds, client, Keys(namespace))


@settings(_MODEST, max_examples=40)
@given(
    log=logs(),
    cut=st.integers(1, 30),
    batch=st.sampled_from([1, 2, 7, 100]),
    bounds=_BOUNDS,
    most=st.sampled_from([1, 2, 1000]),
)
def test_a_projector_goes_on_from_a_history_that_was_written_whole_from_a_snapshot(
    client: redis.Redis, shared_server: Server, log: Log, cut: int, batch: int, bounds: Bounds, most: int
) -> None:
    """As a rebuild from the archive and a restore write it."""
    namespace = f"w{secrets.token_hex(8)}"
    keys, history = Keys(namespace), History(bounds)
    with few_names_and_kinds(most, in_memory=most), mock.patch.multiple(batch_size, FIRST=batch, MOST=batch):
        append(client, namespace, log[:cut])
        if log:
            fold_page(history, [(entry_id.encode(), fields) for entry_id, fields in log[:cut]])
            with closing(Link(client, keys.wal, ())) as link:
                write_history(link, keys, unpacked(packed(history, keys), bounds, keys))
        append(client, namespace, log[cut:])
        assert Projector(shared_server.url, namespace, bounds=bounds).drain() == len(log[cut:])
        assert_history_of(log, bounds, client, keys)


def append(client: redis.Redis, namespace: str, log: Log) -> None:
    pipeline = client.pipeline(transaction=False)
    for entry_id, fields in log:
        pipeline.execute_command("XADD", Keys(namespace).wal, entry_id, *fields)
    pipeline.execute()


def assert_history_of(log: Log, bounds: Bounds, client: redis.Redis, keys: Keys) -> None:
    """Redis holds, key by key and byte by byte, what a fold in memory renders to, and what the model says."""
    found = projection(client, keys)
    expected = {rendered.key: rendered.content for rendered in render(folded(log, bounds), keys)}
    assert found == expected
    model = Model(bounds)
    for entry_id, fields in log:
        model.read(entry_id, fields)
    assert in_plain_terms(found, keys) == model.projection()


def in_plain_terms(found: dict[bytes, Any], keys: Keys) -> dict[str, Any]:
    prefix = keys.wal.removesuffix(b"wal")
    suffixes = {key: key.removeprefix(prefix).decode() for key in found}
    return {suffixes[key]: plain(suffixes[key], content) for key, content in found.items()}


def projection(client: redis.Redis, keys: Keys) -> dict[bytes, Any]:
    """Every key of the namespace but the log. A stream that lost its entries is an empty key to Redis, none to us."""
    found = client.scan_iter(match=keys.wal.removesuffix(b"wal") + b"*", count=10_000)
    contents = {key: content_of(client, key) for key in found if key != keys.wal}
    return {key: content for key, content in contents.items() if content}


def content_of(client: redis.Redis, key: bytes) -> Any:
    match client.type(key):
        case b"list":
            return client.lrange(key, 0, -1)
        case b"hash":
            return client.hgetall(key)
        case b"zset":
            scored: Any = client.zrange(key, 0, -1, withscores=True)
            return {member: int(score) for member, score in scored}
        case b"stream":
            return list(map(tuple, client.eval(_RAW_ENTRIES, 1, key)))
        case kind:
            raise AssertionError(f"{key!r} is a {kind!r}")


def test_a_log_larger_than_a_batch_gives_the_history_of_one_fold(
    client: redis.Redis, shared_server: Server, namespace: str
) -> None:
    """With the worker's own batch sizes, and more rows in a batch than one command takes."""
    log = numbered(*[entry(completed(f"a{number}"), by=f"p{number}", seq=1) for number in range(2500)])
    append(client, namespace, log)
    assert Projector(shared_server.url, namespace, bounds=Bounds(max_actions=1000)).drain() == 2500
    assert_history_of(log, Bounds(max_actions=1000), client, Keys(namespace))


@pytest.mark.parametrize(
    "entry_of",
    [
        pytest.param(lambda name: entry(started(name)), id="in_flight"),
        pytest.param(lambda name: entry(completed(name)), id="actions"),
        pytest.param(lambda name: entry(cleaned(name)), id="scanners"),
        pytest.param(lambda name: entry(completed("one"), by=name, seq=1), id="producers"),
        pytest.param(lambda _: entry(broken_completion()), id="quarantine"),
    ],
)
def test_eviction_compares_entry_ids_as_numbers_after_loading_them_too(
    client: redis.Redis, shared_server: Server, namespace: str, entry_of: Callable[[str], Fields]
) -> None:
    """As texts 9-10 comes before 9-9; as the server returns them, `a` comes before `b`. Yet `b` is the oldest."""
    log = [("9-8", entry_of("a")), ("9-9", entry_of("b")), ("9-10", entry_of("a")), ("10-0", entry_of("c"))]
    for added in log:
        append(client, namespace, [added])
        assert Projector(shared_server.url, namespace, bounds=TINY).drain() == 1
    assert_history_of(log, TINY, client, Keys(namespace))


def test_what_one_session_quarantined_the_next_retries_or_drops(
    client: redis.Redis, shared_server: Server, namespace: str
) -> None:
    broken = entry(broken_completion())
    retry = entry(completed("a"), retry_of="1-0")
    log = numbered(broken, broken, broken, retry, entry(dropped("2-0")), retry)
    for added in log:
        append(client, namespace, [added])
        assert Projector(shared_server.url, namespace).drain() == 1
    assert_history_of(log, Bounds(), client, Keys(namespace))
    assert client.xlen(Keys(namespace).quarantine) == 1


def test_an_id_beyond_what_a_score_keeps_exact_is_rendered_as_the_server_keeps_it(
    client: redis.Redis, shared_server: Server, namespace: str
) -> None:
    log = [(f"{2**53 + 1}-0", entry(completed("a"))), (f"{2**64 - 1}-5", entry(cleaned("s")))]
    append(client, namespace, log)
    assert Projector(shared_server.url, namespace).drain() == 2
    keys = Keys(namespace)
    expected = {rendered.key: rendered.content for rendered in render(folded(log, Bounds()), keys)}
    assert projection(client, keys) == expected
    assert expected[keys.actions] == {b"a": 2**53}
