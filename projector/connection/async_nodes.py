"""The connections of `producer.connection.nodes` for asyncio: they find the node of a namespace by the same rules."""

from __future__ import annotations

from itertools import count
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import AskError, AuthenticationError, ResponseError

from producer.connection.nodes import OUT_OF_TOUCH, Address, Nodes

_Connection: Any = object  # the other base of each subclass, which redis-py gives no types


class _Finding(_Connection):  # type: ignore[misc]
    """A connection to the node that has the namespace, whichever node was named."""

    def __init__(self, *, nodes: Nodes, **options: Any) -> None:
        self._nodes = nodes
        super().__init__(**options)

    async def connect(self) -> None:
        if self.is_connected:
            return
        nodes = self._nodes
        for tries in count(1):
            last = tries > nodes.count
            self.host, self.port = here = nodes.first
            try:
                await super().connect()
                if await self._is_home(here) or last:
                    await super().connect()
                    return
                await self.disconnect()
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if nodes.failed(here, error, last=last):
                    raise

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)
        except AskError as error:
            await self.disconnect()
            raise self._nodes.redirected(error, (self.host, self.port)) from error
        except OUT_OF_TOUCH:
            self._nodes.doubt((self.host, self.port))
            await self.disconnect()
            raise

    async def _is_home(self, here: Address) -> bool:
        for command in self._nodes.questions():
            await self.send_command(*command, check_health=False)
            try:
                self._nodes.answered(command, await self.read_response(), here)
            except (ResponseError, AuthenticationError):
                self._nodes.refused(command)
        return self._nodes.first == here


class AsyncNodeConnection(_Finding, redis.asyncio.Connection):
    """By plain TCP."""


class AsyncNodeSSLConnection(_Finding, redis.asyncio.SSLConnection):
    """By TLS."""
