"""The last verification is on record, for those who may write, and disturbs nothing."""

from __future__ import annotations

import time

import pytest

from projector import Query, examine, verify
from projector.cli.acl import roles
from projector.errors import Damaged
from projector.query import LastVerified
from projector.verification.record import record
from tests.support.commands import projector
from tests.support.projection import Log, fill
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server


def last_of(log: Log) -> LastVerified | None:
    with Query(log.client, log.namespace) as query:
        return query.verified()[log.namespace]


def test_the_command_notes_what_it_found_of_each_namespace_and_no_repair_is_disturbed(log: Log) -> None:
    other = Log(log.client, log.url, f"{log.namespace}-other")
    fill(log)
    log.drain()
    other.add_completions(1)
    other.drain()
    unused = f"{log.namespace}-unused"
    names = [word for name in (log.namespace, other.namespace, unused) for word in ("--namespace", name)]
    before = int(time.time() * 1000)
    ended = projector("verify", *names, "--url", log.url, USER="me")
    assert ended.returncode == 0, ended.stderr
    with Query(log.client, namespaces=[log.namespace, other.namespace, unused]) as query:
        found = query.verified()
    first, second = found[log.namespace], found[other.namespace]
    assert first
    assert second
    assert before - 1000 <= first.at <= second.at <= time.time() * 1000 + 1000
    assert first.by.startswith("me@")
    assert (first.identical, first.moved, first.entries) == (True, False, log.entries())
    assert (first.entry_id, second.entry_id) == (log.checkpoint("last_id"), other.checkpoint("last_id"))
    assert found[unused] is None
    assert not log.client.exists(f"{{{unused}}}:verified")

    assert verify(log.client, log.namespace).identical
    log.add_completions(1)
    assert log.drain() == 1
    log.client.hset(log.key("totals"), "successes", 99)
    assert projector("verify", "--namespace", log.namespace, "--url", log.url).returncode == 1
    later = last_of(log)
    assert later
    assert (later.identical, later.entries) == (False, first.entries + 1)
    log.rebuild()
    assert last_of(log) is None  # it was about the projection of before
    assert "verified" not in str([*examine(log.client, log.namespace)])


@pytest.mark.parametrize("why", ["rights", "memory", "replica"])
def test_where_nothing_may_be_written_nothing_is_noted_and_nothing_said(
    own_server: Server, namespace: str, why: str
) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, namespace)
        log.add_completions(1)
        log.drain()
        url = own_server.url
        if why == "rights":
            (reader,) = [role for role in roles(namespace) if role.name == "reader"]
            client.execute_command(*reader.command(user="reader", password="pw").split())
            url = url.replace("//", "//reader:pw@")
        elif why == "memory":
            client.config_set("maxmemory", "1")
            client.config_set("maxmemory-policy", "noeviction")
        else:
            client.execute_command("REPLICAOF", "127.0.0.1", str(vacant_port()))
        ended = projector("verify", "--namespace", namespace, "--url", url)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "identical at" in ended.stdout
        assert last_of(log) is None


def test_what_is_no_note_is_named_with_what_replaces_it(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    log.client.set(log.key("verified"), "{}")
    with pytest.raises(
        Damaged, match=f"no LastVerified; repair it with: projector verify --namespace {log.namespace}"
    ):
        last_of(log)
    record(log.client, log.namespace, verify(log.client, log.namespace), by="somebody")
    found = last_of(log)
    assert found
    assert found.by == "somebody"
