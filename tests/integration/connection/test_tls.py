"""TLS by URL: rediss:// with the options of the certificates, and what is not trusted is not talked to.

The wheel's Valkey is built without TLS: so here, as with stunnel, TLS ends in front of the server.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from producer import Producer
from projector import AsyncQuery, Query, Totals
from projector.errors import ServerUnavailable
from projector.worker.projector import Projector
from tests.support.commands import projector
from tests.support.servers import Server

pytestmark = pytest.mark.server


class Terminator:
    """Takes TLS connections on a port of its own and passes on what they carry, in a thread of its own."""

    def __init__(self, context: ssl.SSLContext, server_port: int) -> None:
        self.port = 0
        self._context = context
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> Terminator:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        # A handshake that fails is what some of the tests want: no word about it.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        listener.close()
        while pending := asyncio.all_tasks() - {asyncio.current_task()}:  # also handshakes, which are asyncio's own
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            await asyncio.sleep(0)  # what was cancelled closes its socket now
        for writer in self._writers:
            with suppress(AttributeError):  # which Python 3.11.2 raises for a connection that was lost before
                writer.transport.abort()  # closing in TLS would wait for the other side's word
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)  # at once: a task may be cancelled before its first step
        self._tasks.append(self._loop.create_task(self._pass_on(reader, writer)))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers.append(far_writer)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Certificates:
    """An authority of the tests' own, and a certificate of it for localhost, which servers and clients may use."""

    def __init__(self, directory: Path) -> None:
        self.authority, self.certificate, self.key = (directory / name for name in ("ca.crt", "own.crt", "own.key"))
        authority_key, request = directory / "ca.key", directory / "own.csr"
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        _openssl(
            *("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=authority", "-keyout", authority_key),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),  # Python 3.13 trusts no authority without it
            *("-out", self.authority),
        )
        _openssl(
            *("req", *new_key, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", self.key, "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", authority_key, "-CAcreateserial"),
            *("-days", "2", "-copy_extensions", "copy", "-out", self.certificate),
        )

    def context(self, *, wants_certificates: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if wants_certificates:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def listening(certificates: Certificates, server: Server, *, wants_certificates: bool = False) -> Iterator[int]:
    with Terminator(certificates.context(wants_certificates=wants_certificates), server.port) as terminator:
        yield terminator.port


@pytest.fixture
def port(certificates: Certificates, shared_server: Server) -> Iterator[int]:
    with listening(certificates, shared_server) as listened:
        yield listened


def assert_all_works(url: str, namespace: str) -> None:
    with Producer(url, namespace) as producer:
        producer.action_execution_completed("backup", True, duration_ms=5)
    assert Projector(url, namespace).drain() == 1
    with Query(url, namespace) as query:
        assert query.action_stats("backup").total_executions == 1

    async def ask() -> Totals:
        async with AsyncQuery(url, namespace) as asking:
            return await asking.totals()

    assert asyncio.run(ask()).total_executions == 1
    assert "backup" in projector("stats", "--url", url, "--namespace", namespace).stdout


def test_a_server_whose_authority_is_named_is_trusted(port: int, certificates: Certificates, namespace: str) -> None:
    assert_all_works(f"rediss://localhost:{port}/0?ssl_ca_certs={certificates.authority}", namespace)


def test_a_certificate_of_the_clients_own_is_shown_to_a_server_that_wants_one(
    certificates: Certificates, shared_server: Server, namespace: str
) -> None:
    with listening(certificates, shared_server, wants_certificates=True) as port:
        trusting = f"rediss://localhost:{port}/0?ssl_ca_certs={certificates.authority}"
        own = f"&ssl_certfile={certificates.certificate}&ssl_keyfile={certificates.key}"
        assert_all_works(trusting + own, namespace)
        with Query(trusting, namespace) as query, pytest.raises(ServerUnavailable):
            query.totals()


def test_a_server_of_an_unknown_authority_is_not_talked_to(port: int, namespace: str) -> None:
    ended = projector("status", "--url", f"rediss://:s3cret@localhost:{port}/0", "--namespace", namespace)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (69, "", 1)
    assert "the server's certificate is not trusted (certificate verify failed: " in ended.stderr
    assert "s3cret" not in ended.stderr


def test_a_server_of_another_name_is_not_talked_to(port: int, certificates: Certificates, namespace: str) -> None:
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates.authority}"
    with Query(url, namespace) as query, pytest.raises(ServerUnavailable, match="certificate") as told:
        query.totals()

    async def ask() -> None:
        async with AsyncQuery(url, namespace) as asking:
            await asking.totals()

    with pytest.raises(ServerUnavailable) as caught:
        asyncio.run(ask())
    assert str(caught.value) == str(told.value)
    with Query(f"{url}&ssl_check_hostname=false", namespace) as query:
        assert query.totals().total_executions == 0


def test_a_server_that_speaks_no_tls_is_one_line(shared_server: Server) -> None:
    ended = projector("status", "--url", f"rediss://127.0.0.1:{shared_server.port}/0")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (69, "", 1)
    assert re.search(
        "timeout: no answer .*; if it speaks no TLS, write redis://|the server speaks no TLS", ended.stderr
    )


def test_a_server_that_wants_tls_is_told_as_that(port: int) -> None:
    ended = projector("status", "--url", f"redis://localhost:{port}/0")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (69, "", 1)
    assert "the server closed the connection" in ended.stderr
    assert "if it speaks TLS, write rediss://" in ended.stderr


@pytest.mark.parametrize("option", ["ssl_ca_certs=/nowhere/ca.crt", "ssl_cert_reqs=perhaps", "ssl_certfile=/nowhere"])
def test_options_that_cannot_be_used_are_one_line(port: int, option: str) -> None:
    ended = projector("status", "--url", f"rediss://localhost:{port}/0?{option}")
    assert (ended.returncode in (2, 69), ended.stdout, ended.stderr.count("\n")) == (True, "", 1)
