"""What to know about several namespaces that are read together: which of them lacks what, and what helps."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from producer.text.wording import counted, waiting
from projector.errors import command_for
from projector.namespaces.wanted import is_glob
from projector.query import Status
from projector.query.remarks import did_you_mean, how_to_start, notice

_NAMED = 5
"""Namespaces of one kind that a remark names; and for so many a command names each."""
_LISTED = 20
"""Namespaces of the server that a remark names."""

_RECORD = "record something with: producer run --action hello -- echo hello"


@dataclass(frozen=True, slots=True)
class Several:
    """The namespaces that are `wanted`, by names and globs, and how each of those found stands. `namespaces` gives
    all of the server, and is asked where nothing was found."""

    wanted: Sequence[str]
    statuses: Sequence[Status]
    namespaces: Callable[[], Sequence[str]] = tuple

    @classmethod
    def of(
        cls, told: str, statuses: Sequence[Status], namespaces: Callable[[], Sequence[str]] = tuple
    ) -> Several | None:
        """`told` is what a query calls its namespaces. None if it is the name of the only one, without partitions."""
        one = [status.namespace for status in statuses] == [told]
        return None if one else cls(told.split(", "), statuses, namespaces)

    def notice(self, *, behind: bool = True) -> str | None:
        """Why answers of this moment may not be complete, a line for each reason; None if they are complete.
        `behind`: also because an active projector is behind."""
        lines = list(self._unknown()) if self._begun else []
        lines += filter(None, (self._idle(), self._behind() if behind else None))
        for status in self.statuses:
            if not (_is_idle(status) or _is_behind(status)) and (found := notice(status)):
                lines.append(f"{status.namespace}: {found}")
        return "\n".join(lines) or None

    def why_nothing(self, otherwise: str) -> str:
        """Why a list has no records: no namespace is like that, nothing was recorded or projected, or `otherwise`."""
        if any(status.checkpoint is not None for status in self.statuses):
            return otherwise
        if begun := self._begun:
            return f"nothing has been projected in {named(begun)} yet"
        names = self.namespaces()
        there = f"; {listed(names)}" if names else ""
        if self.statuses:
            return f"nothing has been recorded in {named(self.statuses)} yet{there}"
        if self.wanted == ["*"] and not names:
            return f"nothing has been recorded on this server yet; {_RECORD}"
        return f"no namespace is like {quoted(self.wanted)}{there}"

    def without_projector(self) -> str | None:
        """Which have no active projector, whether or not they need one now, and the command that starts it."""
        if not self.statuses:
            return self.why_nothing("")
        lacking = [status for status in self.statuses if status.lease_ttl_ms is None]
        stuck = [status for status in lacking if status.lease_holder is not None or status.lag is None]
        told = [self._lacking([status for status in lacking if status not in stuck]), *map(_alone, stuck)]
        return "; ".join(filter(None, told)) or None

    @property
    def _begun(self) -> list[Status]:
        """Those in which something was recorded or projected."""
        return [status for status in self.statuses if status.checkpoint is not None or status.wal_length]

    def _unknown(self) -> list[str]:
        """What was asked for, and is not there: a name that was given may be mistyped, a partition's is not."""
        found = [status.namespace for status in self.statuses]
        bases = {name.rpartition(".")[0] for name in found}
        globs = [glob for glob in self.wanted if is_glob(glob) and not _taken(glob, (*found, *bases))]
        told = [f"no namespace is like {quoted(globs)}"] if globs else []
        if empty := [each for each in self.statuses if each.namespace in self.wanted and each not in self._begun]:
            meant = did_you_mean(empty[0].namespace, self.namespaces()) if len(empty) == 1 else ""
            told.append(f"nothing has been recorded in {named(empty)} yet{f'.{meant}' if meant else ''}")
        return told

    def _idle(self) -> str | None:
        return self._lacking([status for status in self.statuses if _is_idle(status)])

    def _lacking(self, idle: Sequence[Status]) -> str | None:
        if not idle:
            return None
        if len(self.statuses) == 1:
            return _alone(idle[0])
        lag = sum(status.lag or 0 for status in idle)
        waits = f"; {waiting(lag, 'entry')} there" if lag else ""
        all_of_them, several = len(idle) == len(self.statuses), counted(len(self.statuses), "namespace")
        told = f"none of {several} has an active projector"
        if not all_of_them:
            verb = "has" if len(idle) == 1 else "have"
            told = f"{len(idle)} of {several} {verb} no active projector ({names_of(idle)})"
        few = not all_of_them and len(idle) <= _NAMED
        start = command([each.namespace for each in idle] if few else self.wanted, "run")
        return f"{told}{waits}; start one: {start}"

    def _behind(self) -> str | None:
        behind = [status for status in self.statuses if _is_behind(status)]
        told = waiting(sum(status.lag or 0 for status in behind), "entry")
        return f"the projector of {names_of(behind)} is behind: {told}" if behind else None


def command(wanted: Sequence[str], words: str) -> str:
    """`projector <words>` for all that is `wanted`, as somebody can paste it into a shell."""
    if len(wanted) == 1:
        return command_for(shlex.quote(wanted[0]), words)
    return f"projector {words}" + "".join(f" --namespace {shlex.quote(name)}" for name in wanted)


def names_of(statuses: Sequence[Status]) -> str:
    """The namespaces, the first of them if they are many."""
    more = f", … and {len(statuses) - _NAMED} more" if len(statuses) > _NAMED else ""
    return ", ".join(status.namespace for status in statuses[:_NAMED]) + more


def named(statuses: Sequence[Status]) -> str:
    return f"namespace{'s' if len(statuses) > 1 else ''} {names_of(statuses)}"


def quoted(texts: Sequence[str]) -> str:
    """`'team-*'`, or `'team-*' or 'x-*'`."""
    return " or ".join(f"'{text}'" for text in texts)


def listed(names: Sequence[str]) -> str:
    """That these are the namespaces of the server."""
    return f"namespaces on this server: {', '.join(names[:_LISTED])}{', …' if names[_LISTED:] else ''}"


def _is_idle(status: Status) -> bool:
    """Whether a projector would mend it, and none is there."""
    waits = bool(status.lag or status.checkpoint) and status.lag is not None
    return waits and status.lease_holder is None and not _is_damaged(status)


def _is_behind(status: Status) -> bool:
    return status.lease_ttl_ms is not None and bool(status.lag) and (notice(status) or "").startswith("the projector")


def _is_damaged(status: Status) -> bool:
    return not (notice(status) or "no projector").startswith("no projector")


def _alone(status: Status) -> str:
    return f"no projector is active in namespace {status.namespace}; {how_to_start(status)}"


def _taken(glob: str, names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in names)
