"""Accounts with least rights, for a producer, a projector and a reader of a namespace."""

from dataclasses import dataclass

from producer.wal import namespace_tag

_CONNECTION = ("+@connection", "-@dangerous", "+cluster|slots")
"""AUTH, HELLO, PING, SELECT, a client's name, WAIT and WAITAOF: a category, because Redis 7.0 lacks some of the
commands and refuses a rule that names such a command. CLUSTER SLOTS is for clusters."""

_PROJECTING = """
    +evalsha +script|load +watch +multi +exec
    +xreadgroup +xgroup|create +xgroup|destroy +xinfo|stream +xinfo|groups +xpending
    +xrange +xrevrange +xlen +xadd +xdel +xtrim +xsetid
    +hget +hmget +hgetall +hlen +hscan +hset +hdel +hincrby
    +lrange +lpush +rpush +ltrim +zrange +zcard +zadd +zrem
    +get +set +del +rename +exists +type +pexpire +pttl
    +eval_ro +scan +info +time
"""
_READING = """
    +multi +exec +eval_ro +time +info +scan +exists +type +get +pttl
    +hmget +hgetall +hvals +hlen +lrange +zrange +zrevrange
    +xread +xrange +xrevrange +xlen +xinfo|stream +xinfo|groups +xinfo|consumers +xpending
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


def roles(namespace: str) -> list[Role]:
    """The roles of `namespace`; raises UnusableServer if that is no valid name."""
    tag = namespace_tag(namespace)
    return [
        Role(
            name="producer",
            notes="Appends to the log and says that it is alive; reads nothing, deletes nothing. No server can "
            "withhold XADD's MAXLEN and MINID, or ids of the producer's own choice, which trim the log or move its "
            "clock. Both are detected: the projector stops at entries that somebody else deleted, and doctor finds "
            "them and ids in the future.",
            # A selector allows SET for heartbeats alone: it could replace the log. Imports use MULTI and EXEC.
            rules=(f"%W~{tag}:wal", *_CONNECTION, "+xadd", "+multi", "+exec", f"(%W~{tag}:heartbeat:* +set)"),
        ),
        Role(
            name="projector",
            notes="For projector run, rebuild, verify, resolve, gaps and quarantine. This account may do anything to "
            "this namespace, and nothing to another (but SCAN shows the names of all keys, INFO the server's state).",
            rules=(f"%RW~{tag}:*", *_CONNECTION, *_PROJECTING.split()),
        ),
        Role(
            name="reader",
            notes="For Query, the commands that read, verify and doctor; writes nothing (SCAN shows the names of all "
            "keys, INFO the server's state). It lacks CONFIG GET, which shows the server's passwords: so doctor does "
            "not check appendfsync for it.",
            rules=(f"%R~{tag}:*", *_CONNECTION, *_READING.split()),
        ),
    ]
