"""The registry: what the workers of several namespaces tell each other, in one key of the server."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from hashlib import sha1
from importlib.resources import files
from typing import Any

import msgspec
from redis.exceptions import NoScriptError, RedisError

from producer.connection.client import client_of
from producer.connection.wire import Wire
from projector.connection.translation import translation_of
from projector.errors import ProjectorError
from projector.keys import WORKERS

_TIMEOUT_SECONDS = 1.0
"""A worker that waited for longer would be taken for dead."""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself: the namespaces that it `serves`, those that it `has`, and those of which it
    `awaits` the lease."""

    serves: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()


class Registry:
    """The registry on the server at `url`, as a worker sees it that counts as dead `alive_ms` after its last word.

    Raises ServerUnavailable and ServerRefused.
    """

    def __init__(self, url: str, *, alive_ms: int) -> None:
        self.me = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._alive_ms = alive_ms
        self._client, _ = client_of(url, WORKERS.decode(), timeout=_TIMEOUT_SECONDS)
        self._script = files("projector.fleet.sharing").joinpath("registry.lua").read_bytes()
        self._digest = sha1(self._script, usedforsecurity=False).hexdigest()
        self._read: dict[bytes, Word] = {}  # what was said, and what that means

    def tell(self, word: Word) -> dict[str, Word]:
        """Say `word` of this worker; what each live worker says of itself, this one too."""
        told = ("EVALSHA", self._digest, 1, WORKERS, self.me, msgspec.json.encode(word), self._alive_ms)
        try:
            reply = self._call(told)
        except NoScriptError:
            self._call(("SCRIPT", "LOAD", self._script))
            reply = self._call(told)
        before, self._read, found = self._read, {}, {}
        for worker, said in zip(reply[::2], reply[1::2], strict=True):
            with suppress(msgspec.DecodeError):  # a later version of this program, or somebody else's
                self._read[said] = before.get(said) or msgspec.json.decode(said, type=Word)
                found[worker.decode("utf-8", "replace")] = self._read[said]
        return found

    def leave(self) -> None:
        """Say that this worker ends. Without it the others would learn it by the silence."""
        with suppress(ProjectorError):
            self._call(("HDEL", WORKERS, self.me, f"{self.me} until"))
        self._client.close()

    def _call(self, command: tuple[Any, ...]) -> Any:
        try:
            with Wire(self._client, WORKERS) as wire:
                wire.send([command])
                return wire.read()
        except NoScriptError:
            raise
        except RedisError as error:
            raise translation_of(error, self._client, WORKERS) from error
