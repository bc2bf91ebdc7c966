"""Readers of several namespaces at one place: one client has them all, unless they are on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from producer.connection.client import Client, client_of
from producer.connection.nodes import Nodes
from producer.errors import WalError
from producer.log import Call
from producer.wal import wal_key
from projector.connection.reader import Reader
from projector.namespaces.finding import find
from projector.namespaces.wanted import Wanted


def is_of_a_cluster(client: Any) -> bool:
    """Whether `client`, which has asked a server already, was made here and found a node of a cluster: then it goes
    to the node of one namespace."""
    options = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    nodes = options.get("nodes")
    return isinstance(nodes, Nodes) and nodes.is_cluster is True


class Readers:
    """The readers of the namespaces at `target`: a URL, a client, or None for `WAL_URL`; `options` are those of
    `client_of`. Nothing is sent on construction. `first` is the namespace that is asked first."""

    def __init__(self, target: str | Client | None, first: str, **options: Any) -> None:
        self._target = target
        self._options = options
        self.client, self._owned = client_of(target, first, **options)
        """The client of `first`, and of all where one server has all."""
        self._clients = {first: self.client}

    def of(self, namespace: str) -> Reader:
        """The reader at the node that has `namespace`."""
        client = self.client
        if is_of_a_cluster(client):
            client = self._clients.get(namespace) or client_of(self._target, namespace, **self._options)[0]
            self._clients[namespace] = client
        return Reader(client, wal_key(namespace).encode())

    def call_of(self, namespace: str) -> Call:
        """What sends a command to the node that has `namespace`."""
        return self.of(namespace).call

    def close(self) -> None:
        """Close the connections that were made here."""
        if self._owned:
            for client in self._clients.values():
                client.close()


def names_at(url: str, told: Sequence[str], *, unless: tuple[type[WalError], ...] = ()) -> list[str]:
    """The namespaces at `url` that are meant by names and globs, sorted; a name is among them even without a log. The
    names as `told`, if the search ends in an error of `unless` and no glob was told. Raises as `find` does."""
    wanted = Wanted.of(told)
    with closing(Readers(url, wanted.first)) as readers:
        try:
            return find(wanted, readers.call_of)
        except unless:
            if wanted.globs:
                raise
            return sorted(wanted.names)
