"""Where an archive is: a directory, or an object store that fsspec reaches. A file there is whole or not there."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from producer.text.extra import needing
from producer.wal import namespace_tag
from projector.errors import ArchiveDamaged, ArchiveUnavailable, InvalidQuery

_CALL_SECONDS = 90.0
"""For a call with all its attempts: aiohttp waits without end where a store does not answer with `100 Continue`."""
_BOTO = {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 2}}


class Place(ABC):
    """Holds files under names such as `manifests/000000001.json`.

    Every method raises ArchiveUnavailable while the place cannot be used. As text it is without secrets.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __str__(self) -> str:
        return self._shown

    def names(self, folder: str) -> list[str]:
        """The names in `folder`, without it, sorted; none if there is no such folder."""
        with suppress(FileNotFoundError):
            return sorted(self._used(FileNotFoundError, self._list, folder))
        return []

    def read(self, name: str) -> bytes:
        """Raises ArchiveDamaged if there is no such file."""
        with suppress(FileNotFoundError):
            content: bytes = self._used(FileNotFoundError, self._read, name)
            return content
        raise ArchiveDamaged(f"{self}/{name} is not there; projector archive verify tells what else is damaged")

    def create(self, name: str, content: bytes) -> bool:
        """Put a file there, durably, whole or not at all; False if the name is taken: nothing is replaced."""
        with suppress(FileExistsError):
            self._used(FileExistsError, self._create, name, content)
            return True
        return False

    def remove(self, name: str) -> None:
        """Take a file away, if it is there. Nothing but snapshots is ever removed."""
        with suppress(FileNotFoundError):
            self._used(FileNotFoundError, self._remove, name)

    def _used(self, passing: type[OSError], act: Callable[..., Any], *arguments: object) -> Any:
        """What `act` returns; every error but `passing` as ArchiveUnavailable."""
        try:
            return act(*arguments)
        except passing:
            raise
        except Exception as error:  # each file system of fsspec has errors of its own
            found = f"{type(error).__name__}: {error}"
            if isinstance(error, OSError) and error.strerror:
                found = f"{error.strerror}: {error.filename or self}"
            cure = "nothing in it is lost, try again"
            raise ArchiveUnavailable(f"the archive at {self} cannot be used: {found}; {cure}") from error

    @abstractmethod
    def _list(self, folder: str) -> list[str]: ...

    @abstractmethod
    def _read(self, name: str) -> bytes: ...

    @abstractmethod
    def _create(self, name: str, content: bytes) -> None: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...


def place_of(where: str, namespace: str) -> Place:
    """The place of `namespace` at `where`, a directory or a URL for fsspec.

    Raises InvalidQuery for a URL of an unknown kind, and ArchiveUnavailable if its package is not installed.
    """
    namespace_tag(namespace)  # raises for a bad name
    folder = namespace if namespace.strip(".") else namespace.replace(".", "%2E")
    scheme, separator, path = where.partition("://")
    if not separator:
        return DirectoryPlace(Path(where).expanduser() / folder)
    if scheme in ("file", "local"):
        return DirectoryPlace(Path(path) / folder)
    return ObjectPlace(f"{where.rstrip('/')}/{folder}")


def namespaces_at(where: str) -> list[str]:
    """The namespaces that are archived at `where`, sorted. Raises as `place_of` does."""
    scheme, separator, path = where.partition("://")
    if separator and scheme not in ("file", "local"):
        return ObjectPlace(where.rstrip("/")).names("")
    return DirectoryPlace(Path(path if separator else where).expanduser()).names("")


class DirectoryPlace(Place):
    """Files in a directory. A crash at any moment leaves no more than a temporary file, which the next `create` of a
    file in that folder removes."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self._root = root

    def _list(self, folder: str) -> list[str]:
        return [name for name in os.listdir(self._root / folder) if not _is_temporary(name)]

    def _read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def _create(self, name: str, content: bytes) -> None:
        path = self._root / name
        _make_directory(path.parent)
        _remove_leftovers(path.parent)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            # Held while this process lives: so a leftover is told from a file that another one is writing.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(content)
            os.fsync(descriptor)
            os.link(temporary, path)  # a rename would replace the file of another archiver
        finally:
            with suppress(OSError):
                temporary.unlink()
            os.close(descriptor)
        _sync_directory(path.parent)

    def _remove(self, name: str) -> None:
        (self._root / name).unlink()


class ObjectPlace(Place):
    """Objects under a URL of fsspec. The store refuses to replace an object, where it can (S3 does)."""

    def __init__(self, url: str) -> None:
        super().__init__(re.sub(r"//[^/@]*@", "//", url).partition("?")[0])
        scheme = url.partition("://")[0]
        options: dict[str, Any] = {"config_kwargs": _BOTO} if scheme == "s3" else {}
        try:
            with needing("s3://", "s3", ArchiveUnavailable) if scheme == "s3" else nullcontext():
                from fsspec.core import url_to_fs

                # Without the cache of listings, because other processes write there as well.
                self._files, self._root = url_to_fs(url, use_listings_cache=False, **options)
            # An option of fsspec's own, for the file systems that it runs in a loop of asyncio.
            self._limit = {"timeout": _CALL_SECONDS} if self._files.async_impl else {}
            if scheme == "s3":
                self._files.retries = 1  # boto tries again itself; five times that would be minutes
        except ImportError as error:
            raise ArchiveUnavailable(f"{self}: {scheme}:// takes a package that is not installed; {error}") from error
        except ValueError as error:
            expected = "a directory, or a URL of a kind that fsspec knows, such as s3://bucket/prefix"
            raise InvalidQuery("archive", expected, str(self)) from error

    def _list(self, folder: str) -> list[str]:
        paths = self._files.ls(f"{self._root}/{folder}", detail=False, **self._limit)
        return [name for path in paths if (name := path.rstrip("/").rpartition("/")[2])]

    def _read(self, name: str) -> bytes:
        content: bytes = self._files.cat_file(f"{self._root}/{name}", **self._limit)
        return content

    def _create(self, name: str, content: bytes) -> None:
        self._files.pipe_file(f"{self._root}/{name}", content, mode="create", **self._limit)

    def _remove(self, name: str) -> None:
        self._files.rm_file(f"{self._root}/{name}", **self._limit)


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _remove_leftovers(directory: Path) -> None:
    """Remove the temporary files of processes that ended before they were done."""
    for name in filter(_is_temporary, os.listdir(directory)):
        with suppress(OSError):  # its writer lives, or somebody else was faster
            descriptor = os.open(directory / name, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(directory / name)
            finally:
                os.close(descriptor)


def _make_directory(directory: Path) -> None:
    if not directory.is_dir():
        _make_directory(directory.parent)
        directory.mkdir(exist_ok=True)
        _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
