"""Every key of the projection; the table in docs/architecture.md says what each holds. Other code spells no key.

`{ns}` is the namespace in braces, so that all keys of one namespace share a cluster slot. A shadow, which a rebuild
fills, has its keys under `{ns}:rebuild:`; the log, the lease and how far spans are it shares with the live
projection.
"""

from producer.wal import heartbeat_key, namespace_tag, wal_key

GROUP = b"projector"
"""The consumer group on the log."""


WORKERS = b"projector:workers"
"""The registry of the workers that serve several namespaces: a hash that belongs to no namespace, where each tells
what it serves and has. No promise rests on it: the leases decide who projects."""

REBUILDING = "rebuild:"
"""How the token in the lease begins while a rebuild has it, and for a moment after."""

_BESIDE = (b"wal", b"lease", b"traced", b"partitions", b"partitions:read")

_FAMILIES = (b"executions", b"action", b"durations", b"scanner", b"failure_kinds", b"failure_durations", b"history")


class Keys:
    """The keys, as bytes, of the live projection, or with `shadow=True` of the shadow that a rebuild fills."""

    def __init__(self, namespace: str, *, shadow: bool = False) -> None:
        tag = namespace_tag(namespace).encode()
        prefix = tag + (b":rebuild:" if shadow else b":")
        self.namespace = namespace
        self.wal = wal_key(namespace).encode()
        self.lease = tag + b":lease"
        self.traced = tag + b":traced"
        self.verified = tag + b":verified"
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
        self.history_minutes = prefix + b"history:minutes"
        self.history_hours = prefix + b"history:hours"
        self.history_days = prefix + b"history:days"
        self.fixed = {
            self.executions: "list",
            self.failures: "list",
            self.cleanups: "list",
            self.in_flight: "hash",
            self.orphans: "hash",
            self.totals: "hash",
            self.actions: "zset",
            self.scanners: "zset",
            self.producers: "hash",
            self.quarantine: "stream",
            self.history_minutes: "hash",
            self.history_hours: "hash",
        }
        """The keys that do not depend on what is recorded, beside the checkpoint, with their types."""

    @property
    def pattern(self) -> bytes:
        """For SCAN: matches every key of the projection, and others of the namespace, which `owns` tells apart."""
        return self._prefix + b"*"

    def owns(self, key: bytes) -> bool:
        """Whether `key` goes when the projection goes: not the log, the lease, how far spans are, a heartbeat, a
        shadow's, or the number of partitions."""
        suffix = self.suffix_of(key)
        return suffix not in _BESIDE and not suffix.startswith((b"heartbeat:", b"rebuild:"))

    def suffix_of(self, key: bytes) -> bytes:
        """`key` without its namespace; a live key and the shadow's key that takes its place have the same suffix."""
        return key.removeprefix(self._prefix)

    def prefixed(self, suffix: bytes) -> bytes:
        """The key of this projection that has `suffix`."""
        return self._prefix + suffix

    def family_of(self, key: bytes) -> tuple[str, str] | None:
        """(family, whose it is) of a key of one action, of one scanner, or of the history; None for any other."""
        family, colon, name = self.suffix_of(key).partition(b":")
        if not colon or family not in _FAMILIES:
            return None
        return family.decode(), name.decode("utf-8", "surrogateescape")

    def of_action(self, action_id: str) -> dict[bytes, str]:
        """The keys that belong to one action, with their types."""
        return {
            self.action(action_id): "hash",
            self.durations(action_id): "hash",
            self.executions_of(action_id): "list",
            self.failure_kinds(action_id): "hash",
            self.failure_durations(action_id): "hash",
        }

    def action(self, action_id: str) -> bytes:
        return self._prefix + b"action:" + action_id.encode()

    def durations(self, action_id: str) -> bytes:
        return self._prefix + b"durations:" + action_id.encode()

    def executions_of(self, action_id: str) -> bytes:
        return self._prefix + b"executions:" + action_id.encode()

    def failure_kinds(self, action_id: str) -> bytes:
        return self._prefix + b"failure_kinds:" + action_id.encode()

    def failure_durations(self, action_id: str) -> bytes:
        return self._prefix + b"failure_durations:" + action_id.encode()

    def history_hour(self, start: int) -> bytes:
        """The rollups, by action, of the hour that begins at `start`, in epoch ms."""
        return b"%s:%d" % (self.history_hours, start)

    def history_day(self, start: int) -> bytes:
        """The rollups, by action, of the day (UTC) that begins at `start`, in epoch ms."""
        return b"%s:%d" % (self.history_days, start)

    def scanner(self, scanner_id: str) -> bytes:
        return self._prefix + b"scanner:" + scanner_id.encode()

    def heartbeat(self, by: str) -> bytes:
        """The heartbeat of the producer `by`, which the live projection and the shadow share."""
        return heartbeat_key(self.namespace, by).encode()
