"""`projector acl`: accounts with least rights, as commands to paste into redis-cli."""

from __future__ import annotations

import re
import textwrap
from typing import Annotated

import typer

from producer.terminal.options import Namespace
from producer.terminal.stdout import write
from producer.wal import DEFAULT_NAMESPACE
from projector.acl import Role, roles

_PREFIX = re.compile(r"[A-Za-z0-9_.-]{0,64}")
_WIDTH = 110


def acl(
    namespace: Namespace = DEFAULT_NAMESPACE,
    user_prefix: Annotated[
        str, typer.Option("--user-prefix", help="What the users' names begin with.", show_default=True)
    ] = "wal-",
) -> None:
    """Print ACL SETUSER commands for three users: producer, projector and reader, each with the least rights.

    Nothing is sent to any server. The passwords are placeholders: change them.
    """
    if not _PREFIX.fullmatch(user_prefix):
        raise typer.BadParameter("expected at most 64 characters of A-Z a-z 0-9 _ . -", param_hint="--user-prefix")
    write(_introduction(namespace) + "".join(_lines(role, user_prefix) for role in roles(namespace)))


def _introduction(namespace: str) -> str:
    return _comment(
        f"Users for namespace {namespace}, on Redis 7.0, Valkey 8, and newer. Put a password in the place of each "
        "CHANGE-ME-…, then paste the commands into redis-cli. They last until the server ends: ACL SAVE "
        "keeps them where there is an ACL file, else CONFIG REWRITE. "
        "A user is named in the URL: redis://user:password@host:6379/0"
    )


def _lines(role: Role, prefix: str) -> str:
    command = role.command(user=f"{prefix}{role.name}", password=f"CHANGE-ME-{role.name}")
    return "\n" + "".join(_comment(note) for note in role.notes) + f"{command}\n"


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False)
    return "".join(f"# {line}\n" for line in lines)
