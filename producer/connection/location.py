"""Where Redis is, for the CLIs of both sides; the libraries take what they are given and never go looking.

    --url, else WAL_URL, else the embedded server if one is running, else redis://localhost:6379/0

An embedded server (`projector up`) announces itself in `<state>/execution-wal/running/<pid>.json` with
`{"url": "unix:///…", "data": "/dir", "started_at": <ms>}`. The announcing process holds a lock on that file for as
long as it lives: a file whose lock nobody holds was left behind by a dead process, and is ignored.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from producer.file_lock import FileLock

DEFAULT_URL = "redis://localhost:6379/0"
URL_VARIABLE = "WAL_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An embedded server that is running: where clients connect, where its data lies, since when (epoch ms)."""

    url: str
    data: Path
    started_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The URL to use, and how it came about: it was named, an embedded server was found, or there was neither."""

    url: str
    how: Literal["named", "found", "default"]


def find_server(url: str | None, environ: Mapping[str, str]) -> Location:
    """`url` is what `--url` gave. What is empty counts as not given."""
    if named := url or environ.get(URL_VARIABLE):
        return Location(url=named, how="named")
    servers = running_servers(environ)
    if servers:
        return Location(url=servers[0].url, how="found")
    return Location(url=DEFAULT_URL, how="default")


def announcements_directory(environ: Mapping[str, str]) -> Path:
    """Where embedded servers announce themselves; it need not exist."""
    return user_directory(environ, "XDG_STATE_HOME", ".local/state") / "running"


def spool_directory(environ: Mapping[str, str]) -> Path:
    """Where `producer run` keeps what it cannot deliver; it need not exist."""
    return user_directory(environ, "XDG_STATE_HOME", ".local/state") / "spool"


def settings_file(environ: Mapping[str, str]) -> Path:
    """Where a user's settings for the command line are; it need not exist."""
    return user_directory(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"


def user_directory(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    """Our directory in the one that an XDG `variable` names, else in the `usual` one below the home directory."""
    base = environ.get(variable, "")
    if not os.path.isabs(base):  # the XDG specification: a relative path is to be ignored
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), usual)
    return Path(base, "execution-wal")


def running_servers(environ: Mapping[str, str]) -> list[Announcement]:
    """The embedded servers that run now, newest first. What cannot be read or understood is no server."""
    try:
        paths = list(announcements_directory(environ).glob("*.json"))
    except OSError:
        return []
    found = [announcement for path in paths if (announcement := _read(path)) is not None]
    return sorted(found, key=lambda announcement: announcement.started_at, reverse=True)


@contextmanager
def announce(url: str, data: Path, environ: Mapping[str, str]) -> Iterator[Announcement]:
    """Announce this process's embedded server while the body runs: one a process.

    A process forked off inside the body shares the lock and so prolongs the announcement; one that is executed
    does not.
    """
    announcement = Announcement(url=url, data=data, started_at=int(time.time() * 1000))
    directory = announcements_directory(environ)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{os.getpid()}.json"
    draft = path.with_suffix(".draft")
    # Locked and written before it takes its name: nobody ever finds it unlocked or half written.
    lock = FileLock.take(draft)
    if lock is None:
        raise BlockingIOError(f"{draft}: another process is announcing a server under our process id")
    try:
        content = {"url": url, "data": str(data), "started_at": announcement.started_at}
        lock.write(json.dumps(content).encode())
        draft.replace(path)
        yield announcement
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _read(path: Path) -> Announcement | None:
    """What the file announces; None when its owner is dead or its content is none of ours."""
    try:
        if not FileLock.is_held(path):
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    match content:
        case {"url": str(url), "data": str(data), "started_at": int(started_at)}:
            return Announcement(url=url, data=Path(data), started_at=started_at)
    return None
