"""Accounts with least rights, for a producer, a projector and a reader of a namespace, or of several."""

from dataclasses import dataclass

from producer.wal import namespace_tag
from projector.keys import WORKERS
from projector.namespaces.wanted import Wanted

_CONNECTION = ("+@connection", "-@dangerous", "+cluster|slots")
"""AUTH, HELLO, PING, SELECT, a client's name, WAIT and WAITAOF: a category, because Redis 7.0 lacks some of the
commands and refuses a rule that names such a command. CLUSTER SLOTS is for clusters."""
_EXAMINING = ("+cluster|info", "+cluster|nodes")
"""For doctor. CLUSTER GETSLOTMIGRATIONS is left out, because servers before Valkey 9 refuse a rule that names it."""

_PROJECTING = """
    +evalsha +script|load +watch +multi +exec
    +xreadgroup +xgroup|create +xgroup|destroy +xinfo|stream +xinfo|groups +xpending
    +xrange +xrevrange +xlen +xadd +xdel +xtrim +xsetid
    +hget +hmget +hgetall +hlen +hscan +hset +hdel +hincrby
    +lrange +lpush +rpush +ltrim +zrange +zcard +zadd +zrem
    +get +getex +set +del +rename +exists +type +pexpire +pttl
    +eval_ro +scan +info +time
"""
_READING = """
    +multi +exec +eval_ro +time +info +scan +exists +type +get +pttl
    +hmget +hgetall +hvals +hkeys +hlen +lrange +zrange +zrevrange +zcard
    +xread +xrange +xrevrange +xlen +xinfo|stream +xinfo|groups +xinfo|consumers +xpending
    +memory|usage
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A kind of account: its `name`, `notes` for the administrator, and its ACL `rules`."""

    name: str
    notes: str
    rules: tuple[str, ...]

    def command(self, *, user: str, password: str) -> str:
        """The command that creates `user` anew with these rights."""
        return " ".join(("ACL SETUSER", user, "reset on", f">{password}", *self.rules))


def roles(*namespaces: str, partitions: bool = False) -> list[Role]:
    """The roles of `namespaces`, names and globs, that have `partitions` if that is said; raises UnusableServer for
    what is neither a name nor a glob."""
    wanted = Wanted.of(namespaces)
    tags = [namespace_tag(name) for name in wanted.names] + [_tag_of(glob) for glob in wanted.globs]
    of_partitions = [f"{tag[:-1]}.[0-9][0-9]*}}" for tag in tags] if partitions else []
    logs, every = of_partitions or tags, tags + of_partitions
    shared = (f"%RW~{WORKERS.decode()}", "+xread") if partitions or len(tags) > 1 or wanted.globs else ()
    agreement = _agreement(tags) if partitions else ()
    heartbeats = " ".join(f"%W~{tag}:heartbeat:*" for tag in logs)
    of = "these namespaces, and nothing to others" if shared else "this namespace, and nothing to another"
    return [
        Role(
            name="producer",
            notes="Appends to the log and says that it is alive; reads nothing, deletes nothing. No server can "
            "withhold XADD's MAXLEN and MINID, or ids of the producer's own choice, which trim the log or move its "
            "clock. Both are detected: the projector stops at entries that somebody else deleted, and doctor finds "
            "them and ids in the future."
            + (" It may write down the number of partitions where there is none, and not change it." * partitions),
            # A selector allows SET for heartbeats alone: it could replace the log. Imports use MULTI and EXEC.
            rules=(
                *(f"%W~{tag}:wal" for tag in logs),
                *_CONNECTION,
                *("+xadd", "+multi", "+exec"),
                f"({heartbeats} +set)",
                *agreement,
            ),
        ),
        Role(
            name="projector",
            notes="For projector run, rebuild, verify, resolve, gaps, quarantine and repartition. This account may "
            f"do anything to {of} (but SCAN shows the names of all keys, INFO the server's state).",
            rules=(*(f"%RW~{tag}:*" for tag in every), *shared, *_CONNECTION, *_EXAMINING, *_PROJECTING.split()),
        ),
        Role(
            name="reader",
            notes="For Query, the commands that read, verify and doctor; writes nothing (SCAN shows the names of all "
            "keys, INFO the server's state). It lacks CONFIG GET, which shows the server's passwords: so doctor does "
            "not check appendfsync for it.",
            rules=(*(f"%R~{tag}:*" for tag in every), *_CONNECTION, *_EXAMINING, *_READING.split()),
        ),
    ]


def _agreement(tags: list[str]) -> tuple[str, str]:
    """What a producer with partitions sends before its first operation. SETNX replaces no number."""
    numbers = " ".join(f"%RW~{tag}:partitions %RW~{tag}:partitions:read" for tag in tags)
    return f"({numbers} +get +setnx)", f"({' '.join(f'%R~{tag}:wal' for tag in tags)} +xlen)"


def _tag_of(glob: str) -> str:
    """As `namespace_tag`, in a server's globs, where `^` says what a class of characters lacks."""
    return f"{{{glob.replace('[!', '[^')}}}"
