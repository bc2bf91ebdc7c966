"""An S3-compatible object store for the tests: moto's server in a thread, behind a proxy that breaks what passes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.proxy import Proxy
from tests.support.servers import free_port

_REGION = "us-east-1"


class ObjectStore:
    """A server with one bucket. `where` is the URL of a prefix in it.

    Clients come through `proxy`, which recognises a request by words of HTTP (`PUT `, `manifests/`). S3's conditional
    put (`If-None-Match: *`) is refused for an object that is there, as S3 does. moto keeps the objects in this
    process, so they outlive `go_away`.
    """

    def __init__(self) -> None:
        self._port = free_port()
        self._server = self._started()
        self.proxy = Proxy(self._port)
        self.bucket = f"b{secrets.token_hex(6)}"
        self.where = f"s3://{self.bucket}/prefix"
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": _REGION,
            "NO_PROXY": "127.0.0.1",
        }
        self._client().create_bucket(Bucket=self.bucket)

    def objects(self) -> dict[str, bytes]:
        """The content of each object, by its name under `where`."""
        client = self._client()
        found = client.list_objects_v2(Bucket=self.bucket, Prefix="prefix/").get("Contents", [])
        keys: list[str] = [item["Key"] for item in found]
        return {
            key.removeprefix("prefix/"): client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys
        }

    def go_away(self) -> None:
        """End the server: each connection is cut at once, until `come_back`."""
        self._server.stop()
        self.proxy.cut()

    def come_back(self) -> None:
        self._server = self._started()

    def close(self) -> None:
        self.proxy.close()
        self._server.stop()

    def _started(self) -> Any:
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        server.start()
        return server

    def _client(self) -> Any:
        from botocore.session import get_session

        session = get_session()
        session.set_credentials("test", "test")
        return session.create_client("s3", endpoint_url=f"http://127.0.0.1:{self._port}", region_name=_REGION)


@contextmanager
def object_store(patch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A store that this process and its children find by their environment."""
    from s3fs import S3FileSystem

    store = ObjectStore()
    S3FileSystem.clear_instance_cache()  # else another store's file system is taken, for the same options
    try:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        yield store
    finally:
        store.close()
