"""An expectation of an action: how often it may fail, how old its last success may be, when it has to run."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from producer.text.moment import datetime_of
from projector.errors import InvalidQuery

GRACE_MS = 600_000
_PAST_A_CHANGE_OF_CLOCKS = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of the runs of `action_id`; durations in ms, None for no such limit.

    `max_failures` may fail in a row, `max_age_ms` may have gone by since the last success, and a run may take
    `max_duration_ms`. A run has to start every `every_ms`, or whenever `cron` says in `timezone` (an IANA name; None:
    the machine's own), and may be late by `grace_ms`. As Debian's cron does it, a fixed time that a change of clocks
    skips is due right after, and one that it repeats is due once. Raises InvalidQuery.
    """

    action_id: str
    max_failures: int = 0
    max_age_ms: int | None = None
    max_duration_ms: int | None = None
    every_ms: int | None = None
    cron: str | None = None
    timezone: str | None = None
    grace_ms: int = GRACE_MS

    def __post_init__(self) -> None:
        if self.timezone is not None and self.cron is None:
            raise InvalidQuery("timezone", "nothing without cron", self.timezone)
        if self.cron is None:
            return
        if self.every_ms is not None:
            raise InvalidQuery("cron", "either every or cron", self.cron)
        try:
            zone = self._zone()
        except (ValueError, OSError, KeyError):  # an odd name, a directory, an unknown zone
            raise InvalidQuery("timezone", "a name such as Europe/Berlin", self.timezone) from None
        try:
            next(CronSim(self.cron, datetime(2000, 1, 1, tzinfo=zone)))
        except (CronSimError, StopIteration):
            raise InvalidQuery("cron", "five fields such as 0 3 * * *, of a date that there is", self.cron) from None

    def due_at(self, now: int) -> int | None:
        """Since when (epoch ms) a run has to have started, as of `now`, if it were as late as it may be.

        None: no run has to.
        """
        limit = now - self.grace_ms
        if self.every_ms is not None:
            return limit - self.every_ms
        if self.cron is None:
            return None
        # Backwards from behind the limit: where clocks are set back, a time of day does not say which comes first.
        start = (datetime_of(limit) + _PAST_A_CHANGE_OF_CLOCKS).astimezone(self._zone())
        moments = (round(due.timestamp() * 1000) for due in CronSim(self.cron, start, reverse=True))
        return next((due for due in moments if due <= limit), None)

    def _zone(self) -> ZoneInfo:
        if self.timezone is not None:
            return ZoneInfo(self.timezone)
        from tzlocal import get_localzone

        return get_localzone()
