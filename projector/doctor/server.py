"""Checks of the server: is it one that a log can be trusted to?"""

from __future__ import annotations

from collections.abc import Iterator

from projector.doctor.case import Case
from projector.doctor.finding import Finding, Severity
from projector.doctor.inquiry import Unanswered
from projector.doctor.mending import configuration

__all__ = ["append_only_file", "appendfsync", "maxmemory_policy", "memory", "role", "version"]

_OLDEST_REDIS = (7, 0)
_OLDEST_VALKEY = (8, 0)


def version(case: Case) -> Iterator[Finding]:
    """Redis from 7.0, Valkey from 8. (Valkey's redis_version is only what it is compatible with.)"""
    name, told, oldest = "Valkey", case.info.get("valkey_version"), _OLDEST_VALKEY
    if told is None:
        name, told, oldest = "Redis", case.info.get("redis_version"), _OLDEST_REDIS
    if told is None:
        raise Unanswered("the server does not tell its version")
    new_enough = tuple(int(part) for part in str(told).split(".")[:2] if part.isdecimal()) >= oldest
    yield Finding(
        check="server-version",
        severity=Severity.OK if new_enough else Severity.WRONG,
        found=f"{name} {told}",
        why="" if new_enough else "it lacks commands that the projector needs",
        mend="" if new_enough else "install Redis 7.0 or Valkey 8, or newer",
    )


def role(case: Case) -> Iterator[Finding]:
    """Only a master takes what is written."""
    told = _told(case, "role")
    if told == "master":
        yield Finding(check="role", severity=Severity.OK, found="a master")
        return
    yield Finding(
        check="role",
        severity=Severity.WRONG,
        found=f"a replica of {case.info.get('master_host')}:{case.info.get('master_port')}",
        why="nothing can be recorded or projected here",
        mend="name the master with --url, or Sentinel: sentinel://host:26379/master-name",
    )


def maxmemory_policy(case: Case) -> Iterator[Finding]:
    """With any other policy than noeviction, full memory deletes keys."""
    told = _told(case, "maxmemory_policy")
    right = told == "noeviction"
    yield Finding(
        check="maxmemory-policy",
        severity=Severity.OK if right else Severity.WRONG,
        found=told,
        why="" if right else "when memory is full the server deletes the log, or the lease, or whatever it likes",
        mend="" if right else configuration("maxmemory-policy", "noeviction"),
    )


def memory(case: Case) -> Iterator[Finding]:
    """Memory that is full: producers are refused."""
    limit, used = int(_told(case, "maxmemory")), int(_told(case, "used_memory"))
    if not limit:
        yield Finding(check="memory", severity=Severity.OK, found=f"{_mebibytes(used)} used, no limit")
        return
    full = used >= limit
    yield Finding(
        check="memory",
        severity=Severity.WRONG if full else Severity.OK,
        found=f"{_mebibytes(used)} of {_mebibytes(limit)} used",
        why="memory is full: producers are refused" if full else "",
        mend=configuration("maxmemory", "…") + ": give it more" if full else "",
    )


def append_only_file(case: Case) -> Iterator[Finding]:
    """Without it, what was acknowledged is lost when the server ends."""
    if _told(case, "aof_enabled") != "1":
        yield Finding(
            check="append-only-file",
            severity=Severity.WRONG,
            found="off",
            why="what was acknowledged since the last snapshot is lost when the server ends",
            mend=configuration("appendonly", "yes"),
        )
    elif (state := case.info.get("aof_last_write_status", "ok")) != "ok":
        yield Finding(
            check="append-only-file",
            severity=Severity.WRONG,
            found=f"on, but the last write to it ended with: {state}",
            why="producers are refused until it can be written",
            mend="make room on the server's disk",
        )
    else:
        yield Finding(check="append-only-file", severity=Severity.OK, found="on")


def appendfsync(case: Case) -> Iterator[Finding]:
    """How much a power loss may take."""
    told = case.inquiry.ask("CONFIG GET", "appendfsync").get(b"appendfsync")
    if told is None:
        raise Unanswered("the server does not tell appendfsync")
    told = told.decode()
    wrong = told == "no"
    yield Finding(
        check="appendfsync",
        severity=Severity.WRONG if wrong else Severity.OK,
        found=told,
        why="the operating system decides when the log reaches the disk: a power loss takes half a minute" * wrong,
        mend=configuration("appendfsync", "everysec") if wrong else "",
    )


def _told(case: Case, name: str) -> str:
    """What INFO says; services that are managed leave some of it out."""
    if name not in case.info:
        raise Unanswered(f"the server does not tell {name}")
    return str(case.info[name])


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
