"""The acceptance of a loss by somebody: an entry of the log, so that every fold repeats it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from producer.operations import TEXT_BYTES, encode_fields
from projector.commit.link import Script
from projector.errors import InvalidQuery
from projector.losses.examination import Losses

ACCEPT_LOSS = Script("accept_loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Why somebody (`by`) accepts that entries are lost. Raises InvalidQuery for a reason that is none."""

    reason: str
    by: str | None = None
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not self.reason.strip() or len(self.reason.encode()) > TEXT_BYTES:
            raise InvalidQuery("accept_loss", f"a reason of 1 to {TEXT_BYTES} bytes", self.reason[:40])

    def operation(self, losses: Losses) -> bytes:
        """That these are lost."""
        ids = {"entries": losses.entries, "first_id": losses.first_id, "last_id": losses.last_id}
        who = {"reason": self.reason, "accepted_at": int(self.clock() * 1000), "by": self.by}
        return encode_fields({"type": "loss_accepted", **ids, **who})
