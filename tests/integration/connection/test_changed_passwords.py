"""A password that is changed while projector and producer run: both wait, say so, and go on with the new one."""

from __future__ import annotations

import logging

import pytest
import redis
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.retry import Retry

from producer import Producer
from projector.errors import ServerRefused
from projector.worker.projector import Projector
from tests.support.projecting import running
from tests.support.projection import Log
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server


class Vault(CredentialProvider):
    """Where passwords come from: asked at each connection."""

    password = "first"

    def get_credentials(self) -> tuple[str, str]:
        return "engine", self.password


def test_a_changed_password_is_waited_for_and_said_once(own_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    vault = Vault()

    def said(words: str) -> int:
        return sum(words in message for message in caplog.messages)

    def change(password: str) -> None:
        admin.execute_command("ACL", "SETUSER", "engine", "on", "resetpass", f">{password}", "~*", "+@all")
        admin.execute_command("CLIENT", "KILL", "USER", "engine")

    with (
        own_server.client() as admin,
        redis.Redis(port=own_server.port, credential_provider=vault, retry=Retry(NoBackoff(), 0)) as client,
        Producer(client, "otters", buffer=10) as producer,
    ):
        log = Log(admin, own_server.url, "otters")
        change("first")
        with running(Projector(client, "otters")):
            producer.cleanup_executed("stale-locks", "lock:1", "release", True)
            log.wait_for_entries(1)
            change("second")
            producer.cleanup_executed("stale-locks", "lock:2", "release", True)
            eventually(
                lambda: said("the password was refused, waiting for the right one: localhost:"), what="the wait"
            )
            eventually(lambda: said("operations wait: localhost:"), what="the forwarder to say that it waits")
            with pytest.raises(
                ServerRefused, match="wrong user name or password"
            ):  # a first connection does not wait
                Projector(client, "otters").run()
            vault.password = "second"
            log.wait_for_entries(2)
            assert producer.flush(30)
    assert said("the password was refused") == 1
    assert said("operations are forwarded again") == 1
    assert said("Redis is back") == 1
