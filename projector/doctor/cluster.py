"""Checks of a cluster: is every slot served, is the namespace's node replaced if it dies, does its slot stay?"""

from collections.abc import Callable, Iterator
from functools import wraps

from redis.crc import key_slot
from redis.exceptions import NoPermissionError

from projector.connection.reader import Reader
from projector.doctor.case import Case, Unanswered
from projector.doctor.finding import Finding, configuration, ok, redis_cli, warning, wrong
from projector.errors import ServerRefused

_SLOTS = 16_384
_OVER = {"success", "failed", "canceled", "cancelled"}
"""How an atomic migration can have ended."""


def _of_a_cluster(check: Callable[[Case], Iterator[Finding]]) -> Callable[[Case], Iterator[Finding]]:
    """`check` for a node of a cluster; of a single server all is well."""

    @wraps(check)
    def checked(case: Case) -> Iterator[Finding]:
        if case.info.get("cluster_enabled") == "1":
            yield from check(case)
        else:
            yield ok("no cluster")

    return checked


@_of_a_cluster
def coverage(case: Case) -> Iterator[Finding]:
    """A namespace whose slot nobody serves can neither be recorded nor read."""
    facts = dict(line.split(":", 1) for line in _text(case.reader, "CLUSTER INFO").splitlines() if ":" in line)
    served, assigned = int(facts.get("cluster_slots_ok", 0)), int(facts.get("cluster_slots_assigned", 0))
    if facts.get("cluster_state") == "ok" and served == _SLOTS:
        yield ok(f"all {_SLOTS:,} slots are served")
        return
    state = facts.get("cluster_state", "unknown")
    yield wrong(
        f"state {state}: {served:,} of {_SLOTS:,} slots are served"
        + ("" if assigned == _SLOTS else f", {_SLOTS - assigned:,} are nobody's"),
        "namespaces in the other slots are refused, and all of them while the state is not ok",
        f"start the nodes that are down, or give their slots to others: {redis_cli('--cluster', 'fix', 'HOST:PORT')}",
    )


@_of_a_cluster
def replicas(case: Case) -> Iterator[Finding]:
    """Without a replica a node that dies takes its namespaces with it until it is started again."""
    if case.told("role") != "master":
        raise Unanswered("this node is a replica itself")
    lines = (line for name, line in case.info.items() if name.startswith("slave") and name[5:].isdigit())
    online = sum("state=online" in line for line in lines)
    if online:
        yield ok(f"the namespace's node has {online} connected")
    else:
        yield warning(
            "the namespace's node has none that is connected",
            "if it dies nobody takes over, and durability replicas=1 is refused",
            f"add one, or start it: {redis_cli('--cluster', 'add-node', 'NEW:PORT', 'HOST:PORT', '--cluster-slave')}",
        )


@_of_a_cluster
def reads(case: Case) -> Iterator[Finding]:
    """A node that is cut off may answer readers with what was, while others have gone on."""
    name = "cluster-allow-reads-when-down"
    told = case.reader.call("CONFIG GET", name).get(name.encode())
    if told is None:
        raise Unanswered(f"the server does not tell {name}")
    if told == b"no":
        yield ok("refused while the cluster is down")
    else:
        yield warning(
            f"{name} {told.decode()}",
            "a node that is cut off from the others goes on answering readers, with what was before",
            configuration(name, "no"),
        )


@_of_a_cluster
def slot(case: Case) -> Iterator[Finding]:
    """While a slot moves key by key, commits wait: a namespace's keys are at two nodes."""
    number = key_slot(case.keys.namespace.encode())
    nodes = [line.split() for line in _text(case.reader, "CLUSTER NODES").splitlines()]
    mine = next((words for words in nodes if "myself" in words[2]), [])
    marks = [word[1:-1] for word in mine[8:] if word.startswith(f"[{number}-")]
    if marks:
        other = marks[0].rpartition("-")[2]
        yield warning(
            f"slot {number} is moving {'to' if '->-' in marks[0] else 'here from'} the node {other[:8]}…",
            "until it is there the projector waits, and producers wait or keep what they have in the spool",
            f"let the resharding end; if it was broken off: {redis_cli('--cluster', 'fix', 'HOST:PORT')}, or at both "
            f"nodes: {redis_cli('CLUSTER', 'SETSLOT', str(number), 'STABLE')}",
        )
    elif (migrates := _migrates(case.reader, number)) is None:
        yield ok(f"slot {number} does not move key by key; this account may not ask about other ways")
    elif migrates:
        yield warning(
            f"slot {number} is moving to another node as a whole",
            "at its end writes are refused for a moment, and everybody goes on at the other node",
            f"let it end, or call it off: {redis_cli('CLUSTER', 'CANCELSLOTMIGRATIONS')}",
        )
    else:
        yield ok(f"slot {number} stays")


def _migrates(reader: Reader, number: int) -> bool | None:
    """Whether an atomic migration of the slot is under way, which servers before Valkey 9 do not know; None if this
    account has no right to ask."""
    try:
        found = reader.call("CLUSTER GETSLOTMIGRATIONS")
    except ServerRefused as error:
        return None if isinstance(error.__cause__, NoPermissionError) else False
    for each in found:
        pairs = each if isinstance(each, dict) else dict(zip(each[::2], each[1::2], strict=False))
        ranges = [part.split("-") for part in pairs.get(b"slot_ranges", b"").decode().split()]
        if pairs.get(b"state", b"").decode() not in _OVER and any(
            int(ends[0]) <= number <= int(ends[-1]) for ends in ranges
        ):
            return True
    return False


def _text(reader: Reader, command: str) -> str:
    reply = reader.call(command)
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
