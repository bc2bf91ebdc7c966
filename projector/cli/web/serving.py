"""How a command serves the web page, if the package for it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from producer.text.extra import needing
from projector.errors import ProjectorError

if TYPE_CHECKING:
    from projector.web.access.access import Access
    from projector.web.server import WebServer
    from projector.web.site import Settings


def needing_packages() -> AbstractContextManager[None]:
    """Raises ProjectorError, which says what to install, if a package of the web page is not there for an import."""
    return needing("the web page", "web", ProjectorError)


def server_of(settings: Settings, access: Access, *, insist: bool = True) -> WebServer:
    """What serves the page. Raises ProjectorError if the packages are not installed, and as `WebServer`."""
    with needing_packages():
        from projector.web.app import Application
        from projector.web.server import WebServer
    return WebServer(Application(settings, access), access, prefix=settings.prefix, insist=insist)


def server_beside(url: str, namespace: str, archive: str | None = None) -> WebServer:
    """What serves the page of one log at a loopback port, by `with`, beside the work of a command."""
    from projector.web.access.access import Access

    with needing_packages():
        from projector.web.site import Settings
    return server_of(Settings(url=url, namespaces=(namespace,), archive=archive), Access(), insist=False)


@contextmanager
def served_beside(url: str, namespace: str, archive: str | None) -> Iterator[str]:
    """The same where the page may be missing; gives a line that says where it is, or what it lacks."""
    try:
        server = server_beside(url, namespace, archive)
    except ProjectorError as error:
        yield f"There is no web page: {error}"
        return
    with server:
        yield f"The web page is at {server.address}"
