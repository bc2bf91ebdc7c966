"""The server that the operations waiting in a spool may be sent to, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from producer.connection.client import Client
from producer.connection.location import DEFAULT_URL, Location
from producer.connection.server import UNNAMED, Server

_DEFAULT = Server(DEFAULT_URL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Operations go to `server`: those recorded here, and of those that other processes left in the spool directory
    the operations for `server`, or for one of `others`, and for `namespace` (None: for any).

    A spool notes `recorded` with its operations, until one of them is known to have reached the server.
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
        """The server at `location`, which takes over the operations for the servers `moved_from`.

        A command that was given no server and found none (because the embedded server is not running, say) does not
        know yet which server its operations are for: the first that a later command finds, or that is named and
        would be found. An embedded server takes what is for its port and what is for its socket. Raises
        UnusableServer.
        """
        server = Server.named(location.url)
        others = moved_from
        is_unnamed = location.how != "named" or server.is_same(_DEFAULT)
        for embedded in location.running:
            addresses = tuple(Server.named(url) for url in (embedded.url, embedded.socket) if url)
            if any(map(server.is_same, addresses)):
                others += addresses
                is_unnamed = is_unnamed or embedded is location.running[0]
        return cls(
            server=server,
            recorded=UNNAMED if location.how == "default" else server,
            others=(*others, UNNAMED) if is_unnamed else others,
            namespace=namespace,
        )

    def takes(self, server: Server, namespace: str) -> bool:
        """Whether operations left for `namespace` at `server` go here."""
        if self.namespace not in (None, namespace):
            return False
        return any(server.is_same(other) for other in (self.server, *self.others))
