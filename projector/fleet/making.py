"""How the projector of a namespace is made: its settings, the archiver beside it, and what it warns of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from producer.connection.client import Client
from producer.wal import DEFAULT_NAMESPACE
from projector.archive.place import place_of
from projector.archive.signature import Signer
from projector.archiving.companion import Companion, Order
from projector.archiving.process import ArchiverProcess
from projector.bounds import Bounds
from projector.doctor import broken_promises
from projector.errors import ProjectorError
from projector.metrics.commits import Activity
from projector.namespaces.wanted import Wanted
from projector.retention import Retention
from projector.tracing import tracing_to
from projector.worker.projector import STANDBY_SECONDS, Projector
from projector.worker.session import Watch

FLEET_LOOKS_SECONDS = 1.0
"""How often a projector of many looks whether a lease that another has is free."""

_log = logging.getLogger("projector")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be projected, and how. Other processes get it as JSON: arguments would show a password to all."""

    url: str
    namespaces: tuple[str, ...]
    bounds: Bounds
    lease_ttl: float
    retention: Retention
    archive: str | None = None
    sign_key: str | None = None
    seal_after: float
    otlp: str | None = None

    @property
    def wanted(self) -> Wanted:
        """The names and globs among `namespaces`."""
        return Wanted.of(self.namespaces)

    @property
    def only(self) -> str | None:
        """The one name, if there is nothing else."""
        names = self.wanted.names
        return names[0] if len(names) == 1 and not self.wanted.globs else None

    @property
    def archives_to(self) -> str | None:
        """The place to archive to, if there is one."""
        return None if self.retention.without_archive else self.archive

    def check(self) -> None:
        """Raises InvalidSettings for a bad key or a bad collector, UnusableServer for a bad name, as `place_of` for a
        bad place, and ProjectorError where a package is not installed."""
        names = self.wanted.names
        if self.archives_to:
            place_of(self.archives_to, names[0] if names else DEFAULT_NAMESPACE)
            if self.sign_key:
                Signer(Path(self.sign_key))
        if self.otlp:
            tracing_to(self.otlp)

    def companion_of(self, namespace: str, shared: ArchiverProcess | None) -> Companion | None:
        """The archiver beside the projector of `namespace`, in a `shared` process or its own, if there is a place."""
        where = self.archives_to
        if not where:
            return None
        return Companion(
            Order(url=self.url, namespace=namespace, where=where, sign_key=self.sign_key, seal_after=self.seal_after),
            shared,
        )

    def tracing_of(self, namespace: str) -> AbstractContextManager[object] | None:
        """The export of spans beside the projector of `namespace`, if there is a collector."""
        if not self.otlp:
            return None
        return tracing_to(self.otlp)(self.url, namespace, archive=self.archives_to)


class Together(AbstractContextManager[object]):
    """Contexts that are entered and left as one, the last first. May be entered again, if each of them may."""

    def __init__(self, *contexts: AbstractContextManager[object]) -> None:
        self._contexts = contexts

    def __enter__(self) -> None:
        with ExitStack() as entered:
            for context in self._contexts:
                entered.enter_context(context)
            self._entered = entered.pop_all()

    def __exit__(self, *raised: Any) -> None:
        self._entered.__exit__(*raised)


class Maker:
    """Makes projectors by `settings`. Each says what breaks its promise, once for all of them.

    They may have one `watch` and one `archiver` for all, which those of a fleet have. Their `activity` is
    counted if somebody wants to know it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        watch: Watch | None = None,
        archiver: ArchiverProcess | None = None,
        look_seconds: float = FLEET_LOOKS_SECONDS,
        activity: Activity | None = None,
    ) -> None:
        self._settings = settings
        self._activity = activity
        self._look_seconds = look_seconds
        self._warned: set[str] = set()
        self._watch = watch
        self._archiver = archiver

    def __call__(self, namespace: str, *, on_connect: Callable[[Client], object] | None = None) -> Projector:
        """The projector of `namespace`; `on_connect` gets its client when the server first answers."""
        settings, warn = self._settings, warn_of(namespace, self._warned)

        def connected(client: Client) -> None:
            warn(client)
            if on_connect is not None:
                on_connect(client)

        companion = settings.companion_of(namespace, self._archiver)
        beside = [each for each in (companion, settings.tracing_of(namespace)) if each is not None]
        return Projector(
            settings.url,
            namespace,
            bounds=settings.bounds,
            lease_ttl=settings.lease_ttl,
            retention=settings.retention,
            archived_to=companion.archived_to if companion else lambda: "",
            beside=Together(*beside),
            on_connect=connected,
            look_seconds=self._look_seconds,
            watch=self._watch,
            observer=self._activity.of(namespace) if self._activity else None,
        )


def lone_maker(settings: Settings, activity: Activity | None = None) -> Maker:
    """A maker of projectors that stand by for as long as it takes: they look more often."""
    return Maker(settings, look_seconds=STANDBY_SECONDS, activity=activity)


def warn_of(namespace: str, told: set[str] | None = None) -> Callable[[Client], None]:
    """For a projector's `on_connect`: log what breaks its promise, a line each, if it was not `told` before."""
    told = set() if told is None else told

    def warn(client: Client) -> None:
        with suppress(ProjectorError):  # the projector meets the same trouble, and says so
            for finding in broken_promises(client, namespace):
                line = f"{finding.check}: {finding.found}: {finding.why}; {finding.mend}"
                if line not in told:
                    told.add(line)
                    _log.warning("%s", line)

    return warn


def say_growing(retention: Retention) -> None:
    """Log that the log grows, where nothing trims it."""
    if not retention.trims:
        cure = "--retain 7d --archive WHERE keeps it short"
        _log.info("nothing trims the log: it grows until the server's memory is full; %s", cure)
