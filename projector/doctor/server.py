"""Checks of the server: can it be trusted with a log?"""

from collections.abc import Iterator

from projector.doctor.case import Case, Unanswered
from projector.doctor.finding import Finding, configuration, ok, warning, wrong
from projector.retention.room import DAY_SECONDS, room_in_words

_OLDEST_REDIS = (7, 0)
_OLDEST_VALKEY = (8, 0)


def version(case: Case) -> Iterator[Finding]:
    """Redis from 7.0, Valkey from 8. (Valkey's redis_version is only what it is compatible with.)"""
    name, oldest = ("Valkey", _OLDEST_VALKEY) if "valkey_version" in case.info else ("Redis", _OLDEST_REDIS)
    told = case.told(f"{name.lower()}_version")
    if tuple(int(part) for part in told.split(".")[:2] if part.isdecimal()) >= oldest:
        yield ok(f"{name} {told}")
    else:
        yield wrong(
            f"{name} {told}",
            "it lacks commands that the projector needs",
            "install Redis 7.0 or Valkey 8, or newer",
        )


def role(case: Case) -> Iterator[Finding]:
    """Only a master takes what is written."""
    told = case.told("role")
    if told == "master":
        yield ok("a master")
    else:
        yield wrong(
            f"a replica of {case.info.get('master_host')}:{case.info.get('master_port')}",
            "nothing can be recorded or projected here",
            "name the master with --url, or Sentinel: sentinel://host:26379/master-name, or nodes of the cluster: "
            "cluster://host:6379,host:6379",
        )


def maxmemory_policy(case: Case) -> Iterator[Finding]:
    """With any other policy than noeviction, full memory deletes keys."""
    told = case.told("maxmemory_policy")
    if told == "noeviction":
        yield ok(told)
    else:
        yield wrong(
            told,
            "when memory is full the server deletes the log, or the lease, or whatever it likes",
            configuration("maxmemory-policy", "noeviction"),
        )


def memory(case: Case) -> Iterator[Finding]:
    """Memory that is full: producers are refused."""
    limit, used = int(case.told("maxmemory")), int(case.told("used_memory"))
    if not limit:
        yield ok(f"{_mebibytes(used)} used, no limit")
    elif used < limit:
        seconds = case.status.room_seconds
        found = f"{_mebibytes(used)} of {_mebibytes(limit)} used"
        found += "" if seconds is None else f"; {room_in_words(seconds)}"
        mend = f"{configuration('maxmemory', '…')}: give it more; or keep less of the log: --retain"
        if seconds is None or seconds >= 7 * DAY_SECONDS:
            yield ok(found)
        else:
            kind = wrong if seconds < DAY_SECONDS else warning
            yield kind(found, "producers are refused when it is full", mend)
    else:
        yield wrong(
            f"{_mebibytes(used)} of {_mebibytes(limit)} used",
            "memory is full: producers are refused",
            configuration("maxmemory", "…") + ": give it more",
        )


def append_only_file(case: Case) -> Iterator[Finding]:
    """Without it, what was acknowledged is lost when the server ends."""
    if case.told("aof_enabled") != "1":
        yield wrong(
            "off",
            "what was acknowledged since the last snapshot is lost when the server ends",
            configuration("appendonly", "yes"),
        )
    elif (state := case.info.get("aof_last_write_status", "ok")) != "ok":
        yield wrong(
            f"on, but the last write to it ended with: {state}",
            "producers are refused until it can be written",
            "make room on the server's disk",
        )
    else:
        yield ok("on")


def appendfsync(case: Case) -> Iterator[Finding]:
    """How much a power loss may take."""
    told = case.reader.call("CONFIG GET", "appendfsync").get(b"appendfsync")
    if told is None:
        raise Unanswered("the server does not tell appendfsync")
    if told != b"no":
        yield ok(told.decode())
    else:
        yield wrong(
            "no",
            "the operating system decides when the log reaches the disk: a power loss takes half a minute",
            configuration("appendfsync", "everysec"),
        )


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
