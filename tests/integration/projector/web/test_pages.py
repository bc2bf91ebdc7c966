"""The pages as anybody may ask for them: who is answered, what a page may do, odd requests, bounds, sizes."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from projector.cli.acl import roles
from projector.query import Query
from projector.web.access.access import Access
from projector.web.app import PAGES
from projector.web.limits import STREAMS_OF_A_CLIENT, Limits
from tests.support import hostile
from tests.support.projection import Log, cleaned, completed, started
from tests.support.servers import Server, eventually, running
from tests.support.serving import asked, connected, record_a_little, served, status_of

pytestmark = pytest.mark.server

HEADERS = (
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
)
PATHS = [page.path for page in PAGES]
NOT_PAGES = [
    "/live",
    "/metrics",
    "/api/v1/stats",
    "/api/v1/events",
    "/static/style.css",
    "/x",
]
STREAMS = ("/live", "/api/v1/events")
MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def log(server: Server) -> Log:
    """A small log, projected, whose lease somebody holds."""
    made = Log(server.client(), server.url, "pages")
    record_a_little(made)
    made.drain()
    made.client.set(made.key("lease"), "host:1:projector", ex=3600)
    return made


@pytest.fixture(scope="module")
def page(log: Log) -> Iterator[httpx.Client]:
    with served(log.url, log.namespace) as client:
        yield client


def of_each_page(log: Log) -> list[str]:
    """The pages, each about something."""
    run = log.records("failures")[0]["entry_id"]
    about = {"/action": "?id=deploy", "/run": f"?id={run}", "/trail": "?resource=lock:*"}
    return [path + about.get(path, "") for path in PATHS]


def test_every_answer_tells_the_browser_what_it_may_do(page: httpx.Client, log: Log) -> None:
    answers = [page.get(path) for path in (*of_each_page(log), *(path for path in NOT_PAGES if path not in STREAMS))]
    answers += [page.get("/actions?page=0"), page.post("/"), page.get("/", headers={"Host": "evil.example"})]
    for answer in answers:
        assert [name for name in HEADERS if name not in answer.headers] == [], answer.url
        assert answer.headers["cache-control"] == "no-store"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    assert [answer.status_code for answer in answers[: len(PATHS)]] == [200] * len(PATHS)


def test_it_only_reads_and_answers_those_who_call_it_by_its_name(page: httpx.Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECTED"):
        answer = page.request(method, "/actions")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    for path in (*PATHS, *NOT_PAGES):
        if path == "/api/v1/events":
            continue
        answer = page.head(path)
        assert answer.content == b""
        assert answer.status_code < 500
    for path in ("/", "/static/style.css", "/livez", "/api/v1/stats"):
        answer = page.get(path, headers={"Host": "wal.example:80"})
        assert (answer.status_code, "--allow-host NAME" in answer.text) == (421, True)


def test_whoever_has_no_secret_sees_nothing_but_whether_it_lives(log: Log, tmp_path: Path) -> None:
    (tokens := tmp_path / "tokens").write_text("a-token-of-one")
    access = Access(port=0, password="hunter2", token_file=tokens, hosts=("wal.example",))
    with served(log.url, log.namespace, access=access) as client:
        for path in (*PATHS, *NOT_PAGES, "/livez/", "/livez/../actions", "//actions", "/static/../livez"):
            with asked(client, path.encode()) as asking:
                assert status_of(asking) == 401, path
        assert (client.get("/livez").text, client.get("/readyz").status_code) == ("ok\n", 200)
        log.client.delete(log.key("lease"))
        try:
            eventually(lambda: client.get("/readyz").status_code == 503, what="what is kept to be forgotten")
            assert client.get("/readyz").text == "not ready\n"
            reasons = client.get("/readyz", headers={"Authorization": "Bearer a-token-of-one"})
            assert (reasons.status_code, "no projector is active" in reasons.text) == (503, True)
        finally:
            log.client.set(log.key("lease"), "host:1:projector", ex=3600)
        assert client.get("/", auth=("anybody", "hunter2"), headers={"Host": "wal.example:443"}).status_code == 200

        tokens.write_text("a-newer-token")
        bearer = [{"Authorization": f"Bearer {token}"} for token in ("a-token-of-one", "a-newer-token")]
        assert [client.get("/", headers=headers).status_code for headers in bearer] == [401, 200]
        tokens.unlink()
        broken = client.get("/", headers=bearer[1])
        assert (broken.status_code, str(tokens) in broken.text) == (500, False)
        assert client.get("/livez").status_code == 200


def test_a_proxys_word_is_taken_only_where_it_is_trusted(log: Log) -> None:
    with served(log.url, log.namespace, access=Access(port=0, proxy_header="X-Person"), prefix="/wal") as client:
        assert client.get("", headers={"X-Person": "ann"}).status_code == 200
        refused = client.get("")
        assert (refused.status_code, "X-Person" in refused.text) == (403, True)
        for path, status in ((b"/livez", 200), (b"/wal/livez", 200), (b"/walx/livez", 403), (b"/wal/wal/livez", 403)):
            with asked(client, path) as asking:
                assert status_of(asking) == status, path
    with served(log.url, log.namespace, access=Access(port=0, password="hunter2")) as client:
        assert client.get("/", headers={"X-Person": "ann"}).status_code == 401


def test_files_are_only_ours(page: httpx.Client) -> None:
    assert page.get("/static/page.js").status_code == 200
    for path in ("..", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2e%2e%2f%2e%2e%2fkeys.py", "/etc/passwd", ""):
        with asked(page, b"/static/" + path.encode()) as asking:
            assert status_of(asking) in (301, 307, 404), path


ODD = (
    "%00",
    "%ff%fe",
    "%ed%a0%80",
    "%0d%0aX-Evil:%20yes",
    "%22%3E%3Cscript%3Eran()%3C/script%3E",
    "%2e%2e/%2e%2e/etc/passwd",
    "%25s%25n%7b%7b7*7%7d%7d",
    "18446744073709551615-18446744073709551615",
    "-1",
    "9" * 3000,
    "*a" * 300,
    "[",
)
NAMES = ("id", "in", "action", "resource", "grep", "since", "before", "page", "label", "namespace", "by", "sort", "q")


def test_odd_arguments_are_answered_in_words_and_stand_nowhere_as_they_are(page: httpx.Client) -> None:
    for number, path in enumerate(PATHS * 3):
        name = NAMES[number % len(NAMES)]
        answer = page.get(f"{path}?id=deploy&resource=x&{name}={ODD[number * 5 % len(ODD)]}")
        assert answer.status_code in (200, 400, 404), answer.url
        assert "<h1" in answer.text
        assert "<script>ran" not in answer.text
        assert "x-evil" not in answer.headers
    for odd in ODD:
        for path in ("action?id=", "run?id=", "run?id=a&in=", "log?before=", "", "api/v1/"):
            answer = page.get(f"/{path}{odd}")
            assert answer.status_code in (200, 400, 404), answer.url
            assert "<script>ran" not in answer.text or "html" not in answer.headers["content-type"]
            assert "x-evil" not in answer.headers
    for target in (
        b"/?q=\xff\xfe",
        b"/\x80",
        b"/?" + b"a=1&" * 10_000,
        b"/api/v1/stats?" + b"a=1&" * 10_000,
        b"/" * 9000,
    ):
        with asked(page, target) as asking:
            assert status_of(asking) in (400, 404), target[:30]
    assert "at most 4096 bytes" in page.get("/?" + "a=1&" * 2000).text


def test_a_download_is_named_by_us(page: httpx.Client) -> None:
    for path in ("stats/%22%0d%0aX-Evil:yes", "show/a%22b", "trail/..%2f..%2fx"):
        answer = page.get(f"/api/v1/{path}?download=true&format=csv")
        assert "x-evil" not in answer.headers
        assert answer.headers.get("content-disposition", "attachment").count('"') in (0, 2)


@pytest.mark.usefixtures("log")
def test_only_namespaces_that_it_was_started_for_are_shown(server: Server) -> None:
    Log(server.client(), server.url, "pagesecret").add_completions(1, "hidden")
    with served(server.url, "page?", "*s") as client:
        for chosen in ("pagesecret", "page*", "*", "*e*s", "[p]agesecret", "a b", "pages\n"):
            answer = client.get("/actions", params={"namespace": chosen})
            assert (answer.status_code, "hidden" in answer.text) == (404, False), chosen
            assert client.get("/api/v1/stats", params={"namespace": chosen}).status_code == 404
        for chosen in ("pages", "page?", ""):
            assert "deploy" in client.get("/actions", params={"namespace": chosen}).text


def test_a_readers_account_suffices_and_sends_only_what_reads(server: Server, log: Log) -> None:
    with server.client() as client:
        (reader,) = (role for role in roles(log.namespace) if role.name == "reader")
        client.execute_command(*reader.command(user="reader", password="pw").split())
        client.execute_command("CONFIG", "RESETSTAT")
        client.execute_command("ACL", "LOG", "RESET")
        with served(server.url.replace("//", "//reader:pw@"), log.namespace) as page:
            for path in (*of_each_page(log), "/metrics", "/readyz", "/api/v1/status", "/api/v1/doctor?interval=0"):
                assert page.get(path).status_code == 200, path
            with page.stream("GET", "/live") as live:
                next(live.iter_lines())
        refused = {each["object"] for each in client.acl_log()}
        assert refused - {"client|setinfo", "config|get"} == set()  # which a reader may lack, and is told so
        sent = set(client.info("commandstats"))
    assert sent & {f"cmdstat_{name}" for name in ("xadd", "set", "hset", "del", "lpush", "zadd", "evalsha")} == set()


def test_streams_over_the_bound_are_refused_and_a_place_is_free_when_one_ends(page: httpx.Client) -> None:
    opened = [asked(page, b"/live") for _ in range(STREAMS_OF_A_CLIENT + 32)]  # that ask at once
    try:
        told = [status_of(each) for each in opened]
        assert Counter(told) == {200: STREAMS_OF_A_CLIENT, 429: 32}
        refused = page.get("/live")
        assert (refused.status_code, refused.headers["retry-after"], "64 streams" in refused.text) == (
            429,
            "10",
            True,
        )
        assert page.get("/actions").status_code == 200
        opened[told.index(200)].close()

        def accepted() -> bool:
            opened.append(asked(page, b"/live"))
            return status_of(opened[-1]) == 200

        eventually(accepted, what="a place")
    finally:
        for each in opened:
            each.close()


@pytest.mark.parametrize("path", [b"/livez", b"/live", b"/nosuch"])
def test_a_question_that_is_no_http_behind_its_head_is_no_fault(
    page: httpx.Client, caplog: pytest.LogCaptureFixture, path: bytes
) -> None:
    with connected(page) as client:
        client.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" % path)
        if path == b"/live":
            client.recv(1)
        client.sendall(b"no chunk\r\n")
        while client.recv(65536):
            pass
    assert page.get("/livez").status_code == 200
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_a_client_that_stalls_is_cut_off(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that asks nothing, one that does not end its question, one that takes nothing; a stream is none of them."""
    monkeypatch.setattr("projector.web.server._STALLED_SECONDS", 0.1)
    with ExitStack() as stack:
        client = stack.enter_context(served(log.url, log.namespace))
        with asked(client, b"/live") as live, connected(client) as silent, connected(client) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: local")
            assert (silent.recv(1), slow.recv(1)) == (b"", b"")
            assert status_of(live) == 200
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                deaf.connect(live.getpeername())
                deaf.sendall(b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)

                def is_cut() -> bool:
                    try:
                        deaf.send(b"x")
                    except ConnectionError:
                        return True
                    return False

                eventually(is_cut, what="the end of a connection that nobody reads")
            live.settimeout(0.3)
            assert b"retry: 5000" in live.recv(4096)
            with pytest.raises(TimeoutError):
                live.recv(1)


def test_many_who_ask_for_the_same_page_cost_one_reading(log: Log, server: Server) -> None:
    def reads(client: httpx.Client, times: int) -> int:
        with ThreadPoolExecutor(8) as threads:
            before = server_calls(server)
            answers = list(threads.map(lambda _: client.get("/runs").status_code, range(times)))
            assert answers == [200] * times
            return server_calls(server) - before

    with served(log.url, log.namespace) as client:
        client.get("/health")  # and what is looked at beforehand
        one = reads(client, 1)
        begun = time.monotonic()
        many = reads(client, 100)
        assert many <= (one + 10) * (2 + 2 * (time.monotonic() - begun))


def server_calls(server: Server) -> int:
    with server.client() as client:
        return sum(each["calls"] for name, each in client.info("commandstats").items() if "info" not in name)


def test_more_than_may_wait_are_told_to_come_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projector.web.site.Limits", lambda: Limits(threads=1, waiting=1, seconds=60))
    go = threading.Event()
    answer = Query.recent_failures

    def slow(*arguments: Any, **more: Any) -> Any:
        go.wait(30)
        return answer(*arguments, **more)

    with served(log.url, log.namespace) as client, ThreadPoolExecutor(8) as threads:
        for path in ("/health", "/runs"):  # what is looked at beforehand takes no place any more

            def is_there(path: str = path) -> bool:
                return client.get(path).status_code == 200

            eventually(is_there, what=path)
        monkeypatch.setattr(Query, "recent_failures", slow)
        asking = [threads.submit(client.get, f"/failures?grep={number}") for number in range(8)]
        eventually(lambda: sum(each.done() for each in asking) >= 6, what="refusals")
        go.set()
        answers = [each.result() for each in asking]
        refused = [each for each in answers if each.status_code == 503]
        assert 6 <= len(refused) < 8
        assert "too many requests wait" in refused[0].text
        assert refused[0].headers["retry-after"] == "5"
        for path in ("/metrics", "/readyz"):
            assert client.get(path).status_code == 200


def test_no_page_is_large_though_every_text_is_as_long_as_it_may_be(server: Server) -> None:
    log = Log(server.client(), server.url, "large")
    at = int(time.time() * 1000) - 100_000
    long: dict[str, Any] = {"source": hostile.SOURCE, "execution_type": hostile.WORD, "command": hostile.COMMAND}
    ended: dict[str, Any] = {
        "error": hostile.ERROR,
        "output": hostile.OUTPUT,
        "labels": hostile.LABELS,
        "completed_at": at,
    }
    for number in range(60):
        name, by = hostile.hostile(f"{number}", 256), hostile.hostile(f"p{number}", 256)
        log.add(started(name, name, labels=hostile.LABELS, **long, started_at=at), "by", by, "seq", "7")
        log.add(completed(name, False, **ended), "by", by, "seq", "9")
        log.add(completed(hostile.ACTION, False, hostile.RUN, **ended))
        resource = hostile.hostile(f"r{number}", 4096)
        more = {"error": hostile.ERROR, "labels": hostile.LABELS, "scanner_id": name, "action": hostile.DEED}
        log.add(cleaned(resource, hostile.RUN, success=False, **more))
        log.add(cleaned(f"x{number}", hostile.RUN, scanner_id=by))
    text = "\x1b[31m<\x1b[0m" + '"'
    outputs = [text * 15_000, "\x1b[31m&" * 10_000, "👩" * 80_000]
    big = [log.add(completed("big", output=each)) for each in outputs]
    log.drain()
    first = log.records("executions")[-1]["entry_id"]
    paths = [*PATHS, "/failures?grouped=true", "/trail?resource=*", "/cleanups?page=2"]
    paths += [
        f"/action?id={quote(hostile.ACTION)}",
        "/runs?grep=x&since=1h",
        *(f"/run?id={each}" for each in [*big, first]),
    ]
    with served(log.url, log.namespace) as client:
        sizes = {path: len(client.get(path).content) for path in paths}
        for entry in big:
            shown = client.get(f"/run?id={entry}").text
            assert "characters before are left out" in shown
            assert len(shown) > 10_000
            assert "\x1b" not in shown
    assert {path: size for path, size in sizes.items() if size > MOST_BYTES} == {}
    assert sum(size > 20_000 for size in sizes.values()) > 8  # they are full


def test_ten_thousand_actions_are_listed_by_the_page(server: Server) -> None:
    log = Log(server.client(), server.url, "many")
    for begin in range(0, 10_000, 1000):
        pipeline = log.client.pipeline(transaction=False)
        for number in range(begin, begin + 1000):
            pipeline.execute_command("XADD", log.key("wal"), "*", "op", completed(f"a{number}", number % 100 != 7))
        pipeline.execute()
    log.drain()
    with served(log.url, log.namespace) as client:
        last = client.get("/actions?sort=failures&page=200")
        assert (last.status_code, "9,951–10,000 of 10,000" in last.text) == (200, True)
        assert "50 of 100" in (found := client.get("/actions?q=A77&sort=failures").text) or "of 111" in found
        for path in ("/", "/actions", "/runs", "/failures?grouped=true"):
            answer = client.get(path)
            assert (answer.status_code, len(answer.content) < MOST_BYTES) == (200, True)
