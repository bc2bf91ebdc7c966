"""`projector up`: a server and a projector in one command, for as long as it runs."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.connection.location import announce, user_directory
from producer.terminal.exit_status import FAILED
from producer.terminal.options import Namespace
from producer.terminal.stdout import write
from producer.wal import DEFAULT_NAMESPACE, wal_key
from projector.cli.commands.run import log_to_stderr, project
from projector.cli.options import BoundOptions
from projector.errors import ProjectorError

if TYPE_CHECKING:
    from projector.embedded import EmbeddedServer
    from projector.worker.projector import Projector

_log = logging.getLogger("projector")


def up(
    data: Annotated[
        Path | None,
        typer.Option(help="Where the data is kept between runs.", show_default="~/.local/share/execution-wal"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The loopback port.", show_default="that of the last run, or a free one"),
    ] = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    *,
    bounds: BoundOptions,
) -> None:
    """Start a Valkey server of your own, and project its log until stopped (Ctrl-C, SIGTERM).

    The server listens on the loopback interface and a Unix socket only. Its data is kept for the next time.
    """
    from projector.embedded import EmbeddedServer
    from projector.worker.projector import Projector

    log_to_stderr()
    directory = data or user_directory(os.environ, "XDG_DATA_HOME", ".local/share")
    with EmbeddedServer(directory, port=port) as server, ExitStack() as announced:
        try:
            announced.enter_context(announce(server.address.socket_url, server.directory, os.environ))
        except OSError as error:
            _log.warning("other commands will not find this server without WAL_URL: %s", error)
        write(_introduction(server, namespace))
        projector = Projector(server.address.socket_url, namespace, bounds=bounds)
        threading.Thread(target=_stop_with, args=(server, projector), daemon=True).start()
        try:
            project(projector)
        except ProjectorError as error:
            _keep_serving(server, error)
        if not server.running:
            raise server.failure()


def _stop_with(server: EmbeddedServer, projector: Projector) -> None:
    """Stop the projector when the server has ended: it would wait for it in vain."""
    server.wait()
    projector.stop()


def _keep_serving(server: EmbeddedServer, error: ProjectorError) -> None:
    """Serve producers, and whoever repairs the projection, until a signal ends this process."""
    try:
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.default_int_handler)
        _log.error("%s", error)
        _log.error("the server runs on, to be mended and to be recorded to, but nothing is projected; Ctrl-C ends it")
        server.wait()
    except KeyboardInterrupt:
        raise typer.Exit(FAILED) from None


def _introduction(server: EmbeddedServer, namespace: str) -> str:
    address = server.address
    lines = [
        f"export WAL_URL={address.url}",
        *([f"export WAL_NAMESPACE={namespace}"] if namespace != DEFAULT_NAMESPACE else []),
        "producer run --action hello -- echo hi",
        "projector stats",
        f"redis-cli -p {address.port} XINFO STREAM {shlex.quote(wal_key(namespace))}",
        f"redis-cli -s {shlex.quote(str(address.socket))}",
    ]
    return "".join(
        f"{line}\n"
        for line in (
            f"Valkey listens on port {address.port} and on a socket; its data is kept in {server.directory}.",
            "From another terminal:",
            *(f"    {line}" for line in lines),
            "Ctrl-C stops both; what was recorded is there again the next time.",
        )
    )
