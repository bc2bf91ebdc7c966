"""What the doctor finds about one namespace, or several."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from projector.answers.outcome import Outcome
from projector.retention.retention import WEEK_MS

if TYPE_CHECKING:
    from projector.doctor import Finding


@dataclass(frozen=True, slots=True)
class Seen:
    """The findings about `namespace`, which is at `server`."""

    namespace: str
    server: str
    findings: Sequence[Finding]

    @property
    def is_blind(self) -> bool:
        """Whether this account is not allowed to see anything."""
        from projector.doctor import Severity

        return all(finding.severity is Severity.NOT_CHECKED for finding in self.findings)

    @property
    def is_healthy(self) -> bool:
        from projector.doctor import is_healthy

        return is_healthy(self.findings)

    def document(self) -> dict[str, Any]:
        from projector.documents import Examined

        found = Examined(
            namespace=self.namespace, server=self.server, healthy=self.is_healthy, findings=list(self.findings)
        )
        return found.model_dump()


@dataclass(slots=True)
class Look:
    """How each namespace at `url` is looked at: twice where something should move, `seconds` apart. Of those
    `divided`, which have partitions and no log, just their number."""

    url: str
    seconds: float = 1.0
    group_idle_ms: int = WEEK_MS
    sleep: Callable[[float], None] = time.sleep
    divided: list[str] = field(default_factory=list)

    def at(self, name: str) -> Seen:
        from producer.connection.client import using_client, where
        from projector.doctor import examine
        from projector.doctor.examination import CHECKS

        checks = ("partitions",) if name in self.divided else CHECKS
        with using_client(self.url, name) as client:
            findings = examine(
                client,
                name,
                seconds=self.seconds,
                group_idle_ms=self.group_idle_ms,
                sleep=self.sleep,
                checks=checks,
            )
            return Seen(name, where(client), findings)

    def of_partitions(self, names: Sequence[str]) -> list[str]:
        """The namespaces that `names` are partitions of, unless they are among them."""
        from projector.namespaces.whole import whole_of

        self.divided = sorted({whole for name in names if (whole := whole_of(name))} - set(names))
        return self.divided

    def is_whole_by_name_alone(self, seen: Seen | None) -> bool:
        """Whether it has no partitions: what is called like them are namespaces of their own."""
        return seen is not None and seen.namespace in self.divided and seen.findings[0].found == "none"


def examined_several(outcomes: Sequence[Outcome[Seen]]) -> dict[str, Any]:
    """The document about several namespaces."""
    healthy = all(one.found and one.found.is_healthy and not one.found.is_blind for one in outcomes)
    documents = [one.found.document() if one.found else one.document("doctor") for one in outcomes]
    return {"healthy": healthy, "namespaces": documents}


def examined(look: Look, names: Sequence[str], *, go_on: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The document about the namespaces `names`, one after the other. `go_on` may raise TooMuchWork before each."""

    def seen(name: str) -> Seen:
        go_on()
        return look.at(name)

    if len(names) == 1:
        return seen(names[0]).document()
    outcomes = [Outcome.of(name, seen) for name in (*look.of_partitions(names), *names)]
    return examined_several([one for one in outcomes if not look.is_whole_by_name_alone(one.found)])
