"""A package that only some commands and classes need, and the extra that brings it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_OURS = ("producer", "projector")


@contextmanager
def needing(what: str, extra: str, raising: Callable[[str], BaseException]) -> Iterator[None]:
    """Raise what `raising` makes of the cure, if the block imports a package that is not installed.

    `what` needs the package, which `pip` installs with our `extra`.
    """
    try:
        yield
    except ImportError as error:
        package = _missing(error)
        if package in (None, *_OURS):
            raise
        cure = f"install it with: pip install 'execution-wal[{extra}]'"
        raise raising(f"{what} needs the package {package}: {cure}") from error


def _missing(error: ImportError) -> str | None:
    """The package whose absence is the reason; a library may have put it in words of its own (fsspec)."""
    reason = error.__cause__ if error.name is None else error
    if not isinstance(reason, ModuleNotFoundError) or reason.name is None:
        return None
    return reason.name.partition(".")[0]
