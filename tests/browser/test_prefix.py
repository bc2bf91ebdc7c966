"""Behind a proxy that gives the page a path of a larger site: nothing leads out of that path."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browsing import Tab, served
from tests.support.projection import started
from tests.support.reverse_proxy import in_front_of
from tests.support.twins import Twins

pytestmark = pytest.mark.browser

PREFIX = "/tools/wal"
PAGES = ("overview", "actions", "action", "runs", "log", "end", "trail")


@pytest.fixture(scope="module")
def address(twins: Twins) -> Iterator[str]:
    with served(twins.tame.url, "tame", "empty", prefix=PREFIX) as address:
        yield address.removesuffix(PREFIX)


@pytest.mark.parametrize("strip", [True, False], ids=["taken off", "left on"])
def test_links_files_the_stream_and_downloads_keep_the_prefix(
    browser: Browser, address: str, twins: Twins, strip: bool
) -> None:
    with in_front_of(address, PREFIX, strip=strip) as front:
        tab = Tab(browser, front)
        links: dict[str, str] = {}
        for name in PAGES:
            page = tab.open(twins.tame_paths[name])
            for link in page.locator("a[href]:not([href^='#'])").evaluate_all("all => all.map((each) => each.href)"):
                assert link.startswith(f"{front}/"), f"{name}: {link}"
                links.setdefault(link.partition("?")[0], link)
            assert page.evaluate("getComputedStyle(document.body).margin") == "0px", "the stylesheet is not there"
        for link in links.values():
            assert tab.get(link).ok, link
        assert {"JSON", "CSV"} & set(page.locator("footer a, .end a").all_inner_texts())
        assert json.loads(tab.get(f"{front}/api/v1/recent?namespace=tame").text())

        page = tab.open("/in-flight?namespace=tame")
        page.locator("#live-state").get_by_text("live").wait_for()
        action = f"proxied-{strip}"
        twins.tame.add(started(action, started_at=int(time.time() * 1000)))
        twins.tame.client.delete(twins.tame.key("lease"))
        twins.tame.drain()
        page.locator("main").get_by_text(action).first.wait_for()
        tab.close()
        assert tab.faults == []
