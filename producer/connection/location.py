"""Where Redis is, for the CLIs of both sides; the libraries take what they are given and never go looking.

    --url, else WAL_URL, else the embedded server if one is running, else redis://localhost:6379/0

An embedded server (`projector up`) announces itself in `<state>/execution-wal/running/<pid>.json` with
`{"url": "redis://127.0.0.1:<port>/0", "data": "/dir", "started_at": <ms>, "socket": "unix:///…"}`. The announcing
process holds a lock on that file for as long as it lives: a file whose lock nobody holds was left behind by a dead
process, and is ignored.
"""

import errno
import json
import os
import pwd
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from producer.file_lock import FileLock

DEFAULT_URL = "redis://localhost:6379/0"
URL_VARIABLE = "WAL_URL"
PASSWORD_FILE_VARIABLE = "WAL_PASSWORD_FILE"

_SHARED = Path("/tmp")  # whatever TMPDIR says, which differs between a user's processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An embedded server that is running: where clients connect, where its data lies, since when (epoch ms).

    `socket` is the URL of its socket, which older spools may name.
    """

    url: str
    data: str
    started_at: int
    socket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The URL to use, and how it came about: it was named, an embedded server was found, or there was neither.

    `why` says in a few words where the URL came from. `running` are the embedded servers that run, newest first.
    """

    url: str
    how: Literal["named", "found", "default"]
    why: str = ""
    running: tuple[Announcement, ...] = ()

    @property
    def is_named_by_flag(self) -> bool:
        """Whether another command needs `--url` to find the server."""
        return self.why == "named by --url"


def find_server(url: str | None, environ: Mapping[str, str], *, source: str = "--url") -> Location:
    """`url` is what `source` gave. What is empty counts as not given."""
    running = tuple(running_servers(environ))
    if named := url or environ.get(URL_VARIABLE):
        return Location(url=named, how="named", why=f"named by {source if url else URL_VARIABLE}", running=running)
    if running:
        return Location(url=running[0].url, how="found", why="the server of `projector up`", running=running)
    return Location(url=DEFAULT_URL, how="default", why="the default, because no server is named and none is up")


def announcements_directory(environ: Mapping[str, str]) -> Path:
    """Where embedded servers announce themselves; it need not exist."""
    return user_directory(environ, "XDG_STATE_HOME", ".local/state") / "running"


def spool_directory(environ: Mapping[str, str]) -> Path:
    """Where the commands keep what they cannot deliver; it need not exist. Raises OSError if it cannot be found."""
    return user_directory(environ, "XDG_STATE_HOME", ".local/state") / "spool"


def settings_file(environ: Mapping[str, str]) -> Path | None:
    """A user's settings for the command line; None if there are none."""
    with suppress(OSError):
        file = user_directory(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"
        return file if file.exists() else None
    return None


def user_directory(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    """Our directory in the one that an XDG `variable` names, else in the `usual` one below the home directory.

    Without HOME, that is the account's home directory, or the `private_directory`. Raises OSError, as that does.
    """
    base = environ.get(variable, "")
    if not os.path.isabs(base):  # the XDG specification: a relative path is to be ignored
        home = environ.get("HOME", "")
        base = os.path.join(home if os.path.isabs(home) else _home_of_account() or private_directory(), usual)
    return Path(base, "execution-wal")


def _home_of_account() -> str | None:
    with suppress(KeyError):  # a container may run under a number that no account has
        home = pwd.getpwuid(os.getuid()).pw_dir
        return home if os.path.isdir(home) else None
    return None


def private_directory() -> Path:
    """A directory in /tmp for this user alone, made if it is not there: the same for all the user's processes.

    Raises OSError if it is another user's, who could put files there for us to trust.
    """
    path = _SHARED / f"execution-wal-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "expected a directory of this user alone", str(path))
    return path


def running_servers(environ: Mapping[str, str]) -> list[Announcement]:
    """The embedded servers that run now, newest first. What cannot be read or understood is no server."""
    try:
        paths = list(announcements_directory(environ).glob("*.json"))
    except OSError:
        return []
    found = [announcement for path in paths if (announcement := _read(path)) is not None]
    return sorted(found, key=lambda announcement: announcement.started_at, reverse=True)


@contextmanager
def announce(
    url: str, data: Path, environ: Mapping[str, str], *, socket: str | None = None
) -> Iterator[Announcement]:
    """Announce this process's embedded server while the body runs: one a process.

    A process forked off inside the body shares the lock and so prolongs the announcement; one that is executed
    does not.
    """
    announcement = Announcement(url=url, data=str(data), started_at=int(time.time() * 1000), socket=socket)
    directory = announcements_directory(environ)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{os.getpid()}.json"
    draft = path.with_suffix(".draft")
    # Locked and written before it takes its name: nobody ever finds it unlocked or half written.
    lock = FileLock.take(draft)
    if lock is None:
        raise BlockingIOError(f"{draft}: another process is announcing a server under our process id")
    try:
        lock.write(json.dumps(asdict(announcement)).encode())
        draft.replace(path)
        yield announcement
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _read(path: Path) -> Announcement | None:
    """What the file announces; None when its owner is dead or its content is none of ours."""
    try:
        content = json.loads(path.read_bytes()) if FileLock.is_held(path) else None
    except (OSError, ValueError):
        return None
    match content:
        case {"url": str(url), "data": str(data), "started_at": int(started_at), **rest}:
            socket = str(rest["socket"]) if rest.get("socket") else None
            return Announcement(url=url, data=data, started_at=started_at, socket=socket)
    return None
