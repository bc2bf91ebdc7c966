"""A page that is open tells what is new, leaves alone what somebody does in it, and says when it cannot be live."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browsing import Tab, served
from tests.support.projection import Log, completed, started
from tests.support.servers import Server, free_port, running

pytestmark = pytest.mark.browser

KEPT = "window.kept === true"
"""Whether it is the page that was opened, since the mark is in it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """To stop and start."""
    yield from running(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def log(server: Server) -> Log:
    made = Log(server.client(), server.url, "live")
    made.add(completed("first", False, "run-1", error="no room"))
    made.drain()
    return made


@pytest.fixture(scope="module")
def origin(log: Log) -> Iterator[str]:
    with served(log.url, log.namespace) as address:
        yield address


def opened(tab: Tab, path: str, page: Page | None = None) -> Page:
    page = page or tab.page
    page.goto(tab.origin + path)
    page.evaluate("window.kept = true")
    page.locator("#live-state").get_by_text("live").wait_for()
    return page


def add_failure(log: Log, action: str) -> None:
    now = int(time.time() * 1000)
    log.add(started(action, "open", started_at=now))
    log.add(completed(action, False, "ended", error=f"{action} broke", completed_at=now))
    log.drain()


def test_what_is_new_appears_on_pages_that_are_open(tab: Tab, log: Log) -> None:
    pages = [opened(tab, path, tab.another()) for path in ("/", "/log", "/in-flight", "/failures")]
    add_failure(log, "arrived")
    for page in pages:
        page.locator("main").get_by_text("arrived").first.wait_for()
        assert page.evaluate(KEPT), page.url


def test_an_update_leaves_alone_what_somebody_types_opens_and_selects(tab: Tab, log: Log) -> None:
    page = opened(tab, "/runs")
    page.get_by_text("more", exact=True).click()
    page.get_by_label("Source").fill("cro")
    add_failure(log, "while-typing")
    page.locator("main").get_by_text("while-typing").first.wait_for()
    assert page.get_by_label("Source").input_value() == "cro"
    assert page.evaluate("document.activeElement.name") == "source"
    assert page.evaluate(KEPT)

    page.locator("#rows tbody tr").last.locator("a").first.focus()
    focused = page.evaluate("document.activeElement.href")
    add_failure(log, "while-focused")
    page.locator("main").get_by_text("while-focused").first.wait_for()
    assert page.evaluate("document.activeElement.href") == focused

    page = opened(tab, "/health")
    page.locator("#findings summary").click()
    page.evaluate("document.getElementById('findings').classList.add('old')")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#log-facts dl'))")
    add_failure(log, "while-reading")
    page.locator("#findings:not(.old)").wait_for()
    assert page.locator("#findings details").first.get_attribute("open") is not None
    assert "Quarantined" in page.evaluate("getSelection().toString()")


def test_a_hidden_tab_holds_no_stream_and_looks_again_when_it_is_seen(tab: Tab, log: Log) -> None:
    page = opened(tab, "/failures")
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.unseen === true })")
    with page.expect_event("requestfailed", lambda request: "/live" in request.url):
        page.evaluate("window.unseen = true; document.dispatchEvent(new Event('visibilitychange'))")
    add_failure(log, "unseen")
    with page.expect_request(lambda request: "/live" in request.url):
        page.evaluate("window.unseen = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("main").get_by_text("unseen").first.wait_for()
    assert page.evaluate(KEPT)


def test_a_page_says_that_the_server_is_away_and_recovers_by_itself(tab: Tab, log: Log, server: Server) -> None:
    page, late = opened(tab, "/failures"), tab.another()
    server.stop()
    page.locator("#away:not(:empty)").wait_for()
    late.goto(f"{tab.origin}/failures")
    late.get_by_role("heading", name="No answer at the moment").wait_for()
    server.start()
    add_failure(log, "afterwards")
    for each in (page, late):
        each.locator("main").get_by_text("afterwards").first.wait_for()
        each.locator("#away:empty").wait_for(state="attached")
    assert page.evaluate(KEPT)
    tab.faults.clear()  # the browser tells of answers 503


def test_a_page_says_that_its_own_server_is_away_and_recovers_by_itself(browser: Browser, log: Log) -> None:
    port = free_port()
    with served(log.url, log.namespace, port=port) as address:
        tab = Tab(browser, address)
        page = opened(tab, "/failures")
    page.locator("#away").get_by_text("does not answer").wait_for()
    with served(log.url, log.namespace, port=port):
        add_failure(log, "meanwhile")
        page.locator("main").get_by_text("meanwhile").first.wait_for()
        page.locator("#away:empty").wait_for(state="attached")
        assert page.evaluate(KEPT)
        tab.close()
