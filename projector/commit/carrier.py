"""The carrier of a plan to the server: by one transaction, or by one script. Either writes all of it or nothing."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import ExecAbortError, OutOfMemoryError, RedisError

from producer.connection.wire import pack
from projector.commit.link import Link, Script
from projector.commit.plan import Plan, unpacked
from projector.commit.verdict import judge
from projector.errors import ProjectorError, Superseded
from projector.keys import Keys

FENCE = Script("fence")
COMMIT = Script("commit")
TEAR = Script("tear")
COMMIT_SCRIPTS = (FENCE, COMMIT, TEAR)

_FEW = 30
"""Commands up to which a plan goes by the script, which takes one round trip less."""
_MOST = 960 << 10
"""Bytes beyond which a plan goes by the script: a server may close a client that has queued a MiB."""


class Carrier:
    """Commits under the lease that has `token`, and renews it for `ttl_ms`. A shadow has no lease, and no token.

    The transaction costs the server half of what the script does. It watches lease and checkpoint, asks the fence,
    and writes only if the fence has said yes: a fence that did not run must not let the writes pass. So it writes
    nothing if another process touched lease or checkpoint since, and nothing if memory is full. The script,
    whose first write the server does not refuse, carries the plan then.
    """

    def __init__(self, link: Link, keys: Keys, *, token: str = "", ttl_ms: int = 0) -> None:
        self._link = link
        self._keys = keys
        self._token = token
        self._ttl_ms = ttl_ms

    def send(self, plan: Plan, last_id: str, first_id: bytes, then: Callable[[], object]) -> None:
        """Send `plan`, whose batch was folded from the checkpoint at `last_id` and begins with the entry `first_id`.

        `then` is called with the link's replies, once the plan is committed. Raises what `judge` does, here or there.
        """
        if len(plan.commands) <= _FEW or plan.size > _MOST:
            self._send_script(plan, last_id, first_id, then)
        else:
            self._send_transaction(plan, last_id, first_id, then)

    def _send_script(self, plan: Plan, last_id: str, first_id: bytes, then: Callable[[], object]) -> None:
        writes, keys = [*unpacked(plan.commands)], self._keys
        command = COMMIT.command(
            [keys.wal, keys.lease, keys.checkpoint, *(key for _, key, *_ in writes)],
            [self._token, self._ttl_ms, last_id, first_id, len(plan.checkpoint), *plan.checkpoint]
            + [argument for name, _, *values in writes for argument in (name, len(values), *values)],
        )

        def judged(reply: Any) -> None:
            judge(reply, keys)
            then()

        self._link.request(judged, *command)

    def _send_transaction(self, plan: Plan, last_id: str, first_id: bytes, then: Callable[[], object]) -> None:
        link, keys = self._link, self._keys
        commands = [*plan.commands, pack(("HSET", keys.checkpoint, *plan.checkpoint))]
        if self._token:
            commands.append(pack(("PEXPIRE", keys.lease, self._ttl_ms)))
        fence = FENCE.command([keys.wal, keys.lease, keys.checkpoint], [self._token, last_id, first_id])
        verdict = link.begin([keys.lease, keys.checkpoint] if self._token else [keys.checkpoint], fence)
        try:
            judge(verdict, keys)
        except ProjectorError:
            link.abandon()
            raise

        def executed(replies: Any) -> None:
            if not replies:
                raise Superseded("the lease or the checkpoint changed while a commit was sent")
            if isinstance(replies, RedisError):
                if not _is_full(replies):
                    raise link.translation_of(replies) from replies
                self._send_script(plan, last_id, first_id, then)
                return
            for at, reply in enumerate(replies):
                if isinstance(reply, RedisError):
                    self._tear(plan, first_id)
                    (_, key, *_), *_ = unpacked(commands[at : at + 1])
                    judge([b"refused", key, str(reply)], keys)
            then()

        link.execute(executed, commands)

    def _tear(self, plan: Plan, first_id: bytes) -> None:
        """Mark what is there by half, as the script does before its first write."""
        last_id = plan.checkpoint[plan.checkpoint.index("last_id") + 1]
        with suppress(ProjectorError):
            self._link.call(
                *TEAR.command([self._keys.lease, self._keys.checkpoint], [self._token, last_id, first_id])
            )


def _is_full(error: RedisError) -> bool:
    """Whether the server has refused a transaction because its memory is full."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, ExecAbortError) and "OOM" in str(error))
