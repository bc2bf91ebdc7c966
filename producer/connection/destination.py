"""Where what waits in a spool may go, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from producer.connection.client import Client, client_of
from producer.connection.location import DEFAULT_URL, Location
from producer.connection.server import UNNAMED, Server

__all__ = ["Destination"]

_DEFAULT = Server(DEFAULT_URL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """`server`, and of what others left there for it that which is for `namespace` (None: for any).

    `recorded` is noted with what is put in, until it is known to have reached the server. Besides what was left for
    `server`, what was left for one of `others` is taken.
    """

    server: Server
    recorded: Server
    others: tuple[Server, ...] = ()
    namespace: str | None = None

    @classmethod
    def of(cls, client: Client) -> Destination:
        """The server that `client` reaches."""
        server = Server.of(client)
        return cls(server=server, recorded=server, others=(UNNAMED,) if server.is_same(_DEFAULT) else ())

    @classmethod
    def at(
        cls, location: Location, *, moved_from: tuple[Server, ...] = (), namespace: str | None = None
    ) -> Destination:
        """The server that a command uses, and what was for servers that have become it. Raises UnusableServer.

        A command for which no server was named and none was found does not know yet which one it is for: that shows
        when one is. (The embedded server is not running, say.)
        """
        client, _ = client_of(location.url)
        server = Server.of(client)
        is_unnamed = location.how != "named" or server.is_same(_DEFAULT)
        return cls(
            server=server,
            recorded=UNNAMED if location.how == "default" else server,
            others=(*moved_from, UNNAMED) if is_unnamed else moved_from,
            namespace=namespace,
        )

    def takes(self, server: Server, namespace: str) -> bool:
        """Whether what was left for `namespace` at `server` goes here."""
        if self.namespace not in (None, namespace):
            return False
        return any(server.is_same(other) for other in (self.server, *self.others))
