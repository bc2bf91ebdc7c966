"""`projector acl`: prints the commands that create accounts with least rights, for redis-cli."""

from secrets import token_urlsafe
from typing import Annotated

import typer

from producer.terminal.stdout import write
from producer.wal import DEFAULT_NAMESPACE
from projector.cli.acl import roles


def acl(
    namespace: Annotated[
        list[str],
        typer.Option(
            "--namespace",
            envvar="WAL_NAMESPACE",
            metavar="NAME",
            show_default=DEFAULT_NAMESPACE,
            help="A namespace, or a glob such as 'team-*'; may be given several times.",
        ),
    ] = (DEFAULT_NAMESPACE,),  # type: ignore[assignment]  # no default may be a list
    partitions: Annotated[
        bool,
        typer.Option("--partitions", help="The namespace is recorded to in partitions, and no longer to itself."),
    ] = False,
) -> None:
    """Print the commands that make three users, each with the least rights.

    The users are wal-producer, wal-projector and wal-reader. Standard output has the commands alone: paste or pipe
    them into redis-cli as they are. What to know about them goes to stderr. Each password is random and new: it
    stands in the command behind the >, and nowhere else. Nothing is sent to any server. A glob is for namespaces that
    come later, too.

    Example: projector acl --namespace otters
    """
    from rich.console import Console

    wanted = roles(*namespace, partitions=partitions)
    stderr = Console(stderr=True, markup=False, highlight=False)
    named = ("namespaces " if namespace[1:] else "namespace ") + ", ".join(namespace)
    introduction = (
        f"Users for {named}{' and its partitions' if partitions else ''}, on Redis 7.0, Valkey 8, and newer. Paste "
        "the ACL SETUSER lines into redis-cli as they are. Keep the passwords: each stands behind the > of its line, "
        "and the next run prints others. The users last until the server ends: ACL SAVE keeps them where there is an "
        "ACL file, else CONFIG REWRITE. A user is named in the URL: redis://user:password@host:6379/0"
    )
    notes = (f"wal-{role.name}: {role.notes}" for role in wanted)
    for text in (introduction, *notes):
        stderr.print(f"{text}\n")
    commands = (role.command(user=f"wal-{role.name}", password=token_urlsafe(24)) for role in wanted)
    write("".join(f"{command}\n" for command in commands))
