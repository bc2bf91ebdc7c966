"""`projector web`: the web page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from producer.terminal.stdout import write
from projector.cli.addresses import Logs
from projector.cli.options import ArchiveOption
from projector.cli.read.check import expected_of
from projector.cli.web.serving import needing_packages, server_of

_Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        envvar="WAL_LISTEN",
        metavar="HOST:PORT",
        help="Where to listen; port 0 takes any.",
        show_default="127.0.0.1:8379, or any port if that one is taken",
    ),
]
_Password = Annotated[
    str | None,
    typer.Option(
        "--password",
        envvar="WAL_WEB_PASSWORD",
        metavar="PASSWORD",
        help="Ask for it, whatever the user's name. The variable keeps it out of the list of processes.",
        show_default=False,
        show_envvar=True,
    ),
]
_TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="WAL_TOKEN_FILE",
        metavar="FILE",
        help="Holds tokens, one a line, read anew for each request: as Bearer, or in place of the password.",
    ),
]
_ProxyHeader = Annotated[
    str | None,
    typer.Option(
        "--trust-proxy-header",
        envvar="WAL_TRUST_PROXY_HEADER",
        metavar="NAME",
        help="Answer requests that have this header: a proxy in front, which alone may reach this page, sets it to "
        "the name of whom it knows, and takes it from others.",
    ),
]
_AllowHost = Annotated[
    list[str],
    typer.Option(
        "--allow-host",
        envvar="WAL_ALLOW_HOST",
        metavar="NAME",
        help="A name of this page in URLs, besides localhost and addresses; may be given several times.",
        show_default=False,
    ),
]
_Prefix = Annotated[
    str,
    typer.Option(
        "--path-prefix", envvar="WAL_PATH_PREFIX", metavar="PATH", help="What all paths begin with, behind a proxy."
    ),
]


def web(
    listen: _Listen = None,
    password: _Password = None,
    token_file: _TokenFile = None,
    trust_proxy_header: _ProxyHeader = None,
    allow_host: _AllowHost = [],  # noqa: B006 - Typer's way to say that none is given
    path_prefix: _Prefix = "",
    archive: ArchiveOption = None,
    *,
    log: Logs,
) -> None:
    """Serve a web page that shows what runs, fails and is cleaned up, and whether all is well.

    It reads, and writes nothing: a reader's account suffices (projector acl). It listens on the loopback interface;
    another address needs a password, a token file or --trust-proxy-header. The API is at /api/v1/openapi.json.

    Needs: pip install 'execution-wal[web]'

    Example: projector web --namespace 'team-*'
    """
    from projector.web.access.access import HOST, PORT, Access

    with needing_packages():
        from projector.web.site import Settings

    host, port = (HOST, PORT) if listen is None else _address(listen)
    access = Access(
        host=host,
        port=port,
        password=password,
        token_file=token_file,
        proxy_header=trust_proxy_header,
        hosts=tuple(allow_host),
    )
    access.check()
    settings = Settings(
        url=log.location.url,
        namespaces=tuple(log.namespace),
        archive=archive,
        expected=expected_of(log),
        prefix=_prefix(path_prefix),
    )
    server = server_of(settings, access, insist=listen is not None)
    write(f"The web page of {log.told} is at {server.address} (Ctrl-C ends it)\n")
    server.run()


def _address(text: str) -> tuple[str, int]:
    from projector.metrics.address import Address

    try:
        found = Address.of(text)
    except ValueError:
        raise typer.BadParameter(f"expected HOST:PORT, found {text!r}", param_hint="--listen") from None
    return found.host, found.port


def _prefix(text: str) -> str:
    stripped = text.strip("/")
    if not re.fullmatch(r"([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?", stripped):
        raise typer.BadParameter(f"expected a path such as /wal, found {text!r}", param_hint="--path-prefix")
    return f"/{stripped}" if stripped else ""
