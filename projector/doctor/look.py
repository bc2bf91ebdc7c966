"""A look at the log and the projection of one instant."""

from __future__ import annotations

from dataclasses import dataclass

from producer.log import LogFacts
from projector.checkpoint import Checkpoint
from projector.doctor.inquiry import Inquiry
from projector.keys import FIXED_KEYS, Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`now` is the server's clock in epoch ms; `checkpoint` and `log` are None where there is none.

    `holder` is the lease's token, `lease_ms` what it has left (None: it never ends). `shadow_id` is where a
    rebuild stands, and `shadow_keys` how many of its keys are there; `headless` the keys of a projection that has no
    checkpoint.
    """

    now: int
    checkpoint: Checkpoint | None
    log: LogFacts | None
    holder: str | None
    lease_ms: int | None
    shadow_id: str | None
    shadow_keys: int
    headless: tuple[str, ...]

    @property
    def entries(self) -> int:
        """How many entries the projection has read."""
        return self.checkpoint.entries if self.checkpoint else 0

    @property
    def lag(self) -> int:
        """How many entries wait for the projector."""
        return max(0, self.log.length + self.log.gone - self.entries) if self.log else 0

    @property
    def last_id(self) -> str:
        """The entry at which the projection stands; empty before the first."""
        return self.checkpoint.last_id if self.checkpoint else ""


def look(inquiry: Inquiry, keys: Keys) -> Look:
    """Look at it now. Raises what `Inquiry` does, and Damaged for a checkpoint that is none."""
    shadow = Keys(keys.namespace, shadow=True)
    fixed = [getattr(keys, name) for name in FIXED_KEYS]
    seconds, microseconds = inquiry.ask("TIME")
    checkpoint, info, holder, lease_ms, shadow_id, shadow_keys, *there = inquiry.ask_at_once(
        ("HGETALL", keys.checkpoint),
        ("XINFO STREAM", keys.wal),
        ("GET", keys.lease),
        ("PTTL", keys.lease),
        ("HGET", shadow.checkpoint, "last_id"),
        ("EXISTS", shadow.checkpoint, *(getattr(shadow, name) for name in FIXED_KEYS)),
        *(("EXISTS", key) for key in fixed),
    )
    stands = Checkpoint.of_hash(checkpoint, keys.checkpoint)
    return Look(
        now=int(seconds) * 1000 + int(microseconds) // 1000,
        checkpoint=stands,
        log=None if info is None else LogFacts.of_reply(info),
        holder=None if holder is None else holder.decode("utf-8", "replace"),
        lease_ms=None if lease_ms < 0 else lease_ms,
        shadow_id=None if shadow_id is None else shadow_id.decode("utf-8", "replace"),
        shadow_keys=shadow_keys,
        headless=() if stands else tuple(key.decode() for key, exists in zip(fixed, there, strict=True) if exists),
    )
