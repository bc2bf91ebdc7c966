"""Every key of the projection. Other code never spells a key; the log's own name is `producer.wal.wal_key`.

    {ns}:wal                     stream   the log; consumer group `projector`
    {ns}:executions              list     the last max_entries ActionExecutionRecord, JSON, newest first
    {ns}:executions:<action_id>  list     the same for one action, the last max_action_entries
    {ns}:failures                list     failed executions only, the last max_entries
    {ns}:cleanups                list     the last max_entries CleanupRecord, JSON, newest first
    {ns}:in_flight               hash     execution key → InFlightRecord JSON; at most max_in_flight
    {ns}:orphans                 hash     the same for executions presumed dead
    {ns}:totals                  hash     total_executions successes failures orphaned cleanups cleanup_failures
    {ns}:actions                 zset     action_id by the time (ms of the WAL entry id) of its latest statistics
    {ns}:action:<action_id>      hash     the statistics of one action
    {ns}:durations:<action_id>   hash     histogram: inclusive upper bound of the bucket in ms → count
    {ns}:scanners                zset     like actions
    {ns}:scanner:<scanner_id>    hash     the statistics of one scanner
    {ns}:producers               hash     producer id → JSON: highest seq, open gaps, latest entry id
    {ns}:checkpoint              hash     the entry the projection stands at, and its counters
    {ns}:quarantine              stream   entries that could not be folded, under the same entry id
    {ns}:lease                   string   the token of the one active projector, with a TTL
    {ns}:heartbeat:<producer id> string   there while the producer lives; not part of the projection

`{ns}` is the namespace in braces, so that all keys of one namespace share a cluster slot. A shadow, which a
rebuild fills, has its keys under `{ns}:rebuild:`; the log and the lease it shares with the live projection.
"""

from __future__ import annotations

from producer.wal import heartbeat_key, namespace_tag, wal_key

GROUP = b"projector"
"""The consumer group on the log."""

FIXED_KEYS = {
    "executions": "list",
    "failures": "list",
    "cleanups": "list",
    "in_flight": "hash",
    "orphans": "hash",
    "totals": "hash",
    "actions": "zset",
    "scanners": "zset",
    "producers": "hash",
    "quarantine": "stream",
}
"""The keys of a projection that do not depend on what is recorded, beside the checkpoint, with their types."""


class Keys:
    """The keys, as bytes, of the live projection, or with `shadow=True` of the shadow that a rebuild fills."""

    def __init__(self, namespace: str, *, shadow: bool = False) -> None:
        tag = namespace_tag(namespace).encode()
        prefix = tag + (b":rebuild:" if shadow else b":")
        self.namespace = namespace
        self.wal = wal_key(namespace).encode()
        self.lease = tag + b":lease"
        self._prefix = prefix
        self.executions = prefix + b"executions"
        self.failures = prefix + b"failures"
        self.cleanups = prefix + b"cleanups"
        self.in_flight = prefix + b"in_flight"
        self.orphans = prefix + b"orphans"
        self.totals = prefix + b"totals"
        self.actions = prefix + b"actions"
        self.scanners = prefix + b"scanners"
        self.producers = prefix + b"producers"
        self.checkpoint = prefix + b"checkpoint"
        self.quarantine = prefix + b"quarantine"

    @property
    def pattern(self) -> bytes:
        """For SCAN: matches every key of the projection, and others of the namespace, which `owns` tells apart."""
        return self._prefix + b"*"

    def owns(self, key: bytes) -> bool:
        """Whether `key` is one of the projection: not the log, the lease, a heartbeat, or a shadow's."""
        suffix = self.suffix_of(key)
        return suffix not in (b"wal", b"lease") and not suffix.startswith((b"heartbeat:", b"rebuild:"))

    def suffix_of(self, key: bytes) -> bytes:
        """`key` without its namespace; a live key and the shadow's key that takes its place have the same suffix."""
        return key.removeprefix(self._prefix)

    def prefixed(self, suffix: bytes) -> bytes:
        """The key of this projection that has `suffix`."""
        return self._prefix + suffix

    def family_of(self, key: bytes) -> tuple[str, str] | None:
        """(family, action or scanner id) of a key that belongs to one action or scanner; None for any other."""
        family, colon, name = self.suffix_of(key).partition(b":")
        if not colon or family not in (b"executions", b"action", b"durations", b"scanner"):
            return None
        return family.decode(), name.decode("utf-8", "surrogateescape")

    def of_action(self, action_id: str) -> tuple[bytes, bytes, bytes]:
        """(statistics, histogram, executions): the keys that belong to one action."""
        return self.action(action_id), self.durations(action_id), self.executions_of(action_id)

    def action(self, action_id: str) -> bytes:
        return self._prefix + b"action:" + action_id.encode()

    def durations(self, action_id: str) -> bytes:
        return self._prefix + b"durations:" + action_id.encode()

    def executions_of(self, action_id: str) -> bytes:
        return self._prefix + b"executions:" + action_id.encode()

    def scanner(self, scanner_id: str) -> bytes:
        return self._prefix + b"scanner:" + scanner_id.encode()

    def heartbeat(self, by: str) -> bytes:
        """The heartbeat of the producer `by`, which the live projection and the shadow share."""
        return heartbeat_key(self.namespace, by).encode()
