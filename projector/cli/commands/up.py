"""`projector up`: a server and a projector in one command, for as long as it runs."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.connection.location import announce, user_directory
from producer.terminal.exit_status import FAILED
from producer.terminal.options import Namespace
from producer.terminal.stdout import write
from producer.wal import DEFAULT_NAMESPACE, wal_key
from projector.bounds import DEFAULT_LEASE_SECONDS
from projector.cli.commands.run import project
from projector.cli.options import SEAL_SECONDS, ArchiveOption, BoundOptions, RetentionOptions, SealAfter, SignKey
from projector.cli.web.serving import served_beside
from projector.errors import ProjectorError
from projector.fleet.log import log_to_stderr
from projector.retention.retention import WEEK_MS

if TYPE_CHECKING:
    from projector.embedded import EmbeddedServer
    from projector.worker.projector import Projector

_log = logging.getLogger("projector")
_LOOK_SECONDS = 1.0
"""How often a projector that stopped tries whether a repair lets it go on."""
_USUAL_PORT = 6379
"""Redis' own, to which everything goes that names no server."""


def up(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the data is kept between runs.", show_default="~/.local/share/execution-wal"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=1, max=65535, help="The loopback port.", show_default="the last run's, 6379, or any"
        ),
    ] = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    archive: ArchiveOption = None,
    sign_key: SignKey = None,
    seal_after: SealAfter = SEAL_SECONDS,
    *,
    bounds: BoundOptions,
    retention: RetentionOptions,
) -> None:
    """Start a Valkey server of your own, project its log, and serve its web page.

    Both run until stopped (Ctrl-C, SIGTERM). The server listens on the loopback interface and a Unix socket only. Its
    data is kept for the next time. The log is archived beside it, and trimmed after a week.

    Example: projector up
    """
    from projector.embedded import EmbeddedServer
    from projector.fleet.making import Settings, lone_maker, say_growing

    log_to_stderr()
    directory = data or user_directory(os.environ, "XDG_DATA_HOME", ".local/share")
    with EmbeddedServer(directory, port=port, usual_port=_USUAL_PORT) as server, ExitStack() as announced:
        url = server.address.url
        if not (retention.trims or retention.without_archive):
            retention = replace(retention, trims=True, age_ms=WEEK_MS)
        where = None if retention.without_archive else archive or str(server.directory / "archive")
        settings = Settings(
            url=url,
            namespaces=(namespace,),
            bounds=bounds,
            lease_ttl=DEFAULT_LEASE_SECONDS,
            retention=retention,
            archive=where,
            sign_key=str(sign_key) if sign_key else None,
            seal_after=seal_after,
        )
        settings.check()
        projector = lone_maker(settings)(namespace)
        try:
            socket = server.address.socket_url
            announced.enter_context(announce(url, server.directory, os.environ, socket=socket))
        except OSError as error:
            _log.warning("other commands will not find this server without WAL_URL: %s", error)
        page = announced.enter_context(served_beside(url, namespace, where))
        write(_introduction(server, namespace, where, page))
        say_growing(retention)
        threading.Thread(target=_stop_with, args=(server, projector), daemon=True).start()
        while server.running:
            try:
                project(projector)
                break
            except ProjectorError as error:
                _keep_serving(server, projector, error)
        if not server.running:
            raise server.failure()


def _stop_with(server: EmbeddedServer, projector: Projector) -> None:
    """Stop the projector when the server has ended: the projector would wait for the server in vain."""
    server.wait()
    projector.stop()


def _keep_serving(server: EmbeddedServer, projector: Projector, error: ProjectorError) -> None:
    """Serve producers, and whoever repairs the projection, until it is repaired or a signal ends this process."""
    try:
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.default_int_handler)
        _log.error("%s", error)
        _log.error(
            "nothing is projected until that is repaired; the server runs on, for producers and for the repair"
        )
        _log.setLevel(logging.CRITICAL)  # each attempt would say the same again
        while server.running:
            time.sleep(_LOOK_SECONDS)
            with suppress(ProjectorError):
                projector.drain()
                break
    except KeyboardInterrupt:
        raise typer.Exit(FAILED) from None
    finally:
        _log.setLevel(logging.NOTSET)
    if server.running:
        _log.info("that is repaired: projecting again")


def missing_in_path() -> Path | None:
    """The directory of this installation's commands if a shell would find none of them, or others."""
    ours, found = Path(sys.executable).with_name("projector"), shutil.which("projector")
    return ours.parent if ours.exists() and not (found and ours.samefile(found)) else None


def exports(url: str, namespace: str = DEFAULT_NAMESPACE) -> str:
    """The line after which the commands and the engines of another terminal use the server at `url`."""
    words = [f"export WAL_URL={url}"]
    if namespace != DEFAULT_NAMESPACE:
        words.append(f"WAL_NAMESPACE={namespace}")
    if directory := missing_in_path():
        words.append(f"PATH={shlex.quote(str(directory))}:$PATH")
    return " ".join(words)


def _introduction(server: EmbeddedServer, namespace: str, archive: str | None, page: str) -> str:
    port, key = server.address.port, shlex.quote(wal_key(namespace))
    redis_cli = f"    redis-cli -p {port} XINFO STREAM {key}\n" if shutil.which("redis-cli") else ""
    archived = f"The log is archived in {archive}\n" if archive else ""
    return f"""\
Valkey listens on port {port}; its data is kept in {server.directory}.
{archived}\
{page}
From another terminal:
    {exports(server.address.url, namespace)}
    producer run --action hello -- echo hi
    projector stats
{redis_cli}Ctrl-C stops both; what was recorded is there again the next time.
"""
