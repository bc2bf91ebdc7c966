"""Lists: their state is in the URL, what they offer for download parses; by keyboard alone, and without scripts."""

from __future__ import annotations

import csv
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browsing import NARROW, Tab
from tests.support.projection import Log, completed
from tests.support.servers import Server
from tests.support.twins import Twins

pytestmark = pytest.mark.browser

RUNS, ACTIONS = 130, 60
_FOCUSED = """() => {
  const each = document.activeElement, box = each.getBoundingClientRect(), { outlineStyle } = getComputedStyle(each);
  const seen = box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  return { is: each.localName, name: each.name ?? "", text: each.textContent.trim().slice(0, 30),
    role: each.role ?? "", id: each.id, visible: seen && outlineStyle !== "none" };
}"""


@pytest.fixture(scope="session")  # the log outlives the module, to which xdist may come back
def many(shared_server: Server) -> Log:
    """More than a page lists."""
    log = Log(shared_server.client(), shared_server.url, "many")
    now = int(time.time() * 1000)
    for number in range(RUNS):
        took = {"duration_ms": number, "completed_at": now - 1000 * (RUNS - number)}
        log.add(completed(f"job-{number % ACTIONS:02}", number % 2 == 0, f"run-{number:03}", error="no", **took))
    log.drain()
    return log


def runs(page: Page) -> list[str]:
    return page.locator("td[data-label=Run]").all_inner_texts()


@pytest.mark.usefixtures("many")
def test_the_state_of_a_list_is_in_its_url_and_the_back_button_restores_it(tab: Tab) -> None:
    page = tab.open("/runs?namespace=many")
    everything = runs(page)
    page.get_by_label("Action").fill("job-[0-4]*")
    page.get_by_label("Result").select_option("ok")
    page.get_by_role("button", name="Filter").click()
    filtered = runs(page)
    assert everything[0] == "run-129"
    assert (filtered[0], len(filtered)) == ("run-128", 50)
    page.get_by_role("link", name="next").click()
    second, url = runs(page), page.url
    assert (second[-1], len(second)) == ("run-000", 5)

    page.go_back()
    assert runs(page) == filtered
    page.go_back()
    assert runs(page) == everything
    assert page.get_by_label("Action").input_value() == ""
    page.go_forward()
    assert runs(page) == filtered
    assert page.get_by_label("Action").input_value() == "job-[0-4]*"
    assert runs(tab.open(url)) == second

    page = tab.open("/actions?namespace=many")
    page.get_by_role("link", name="p95").click()
    assert page.locator("td[data-label=Action]").first.inner_text() == "job-09"
    assert page.locator("th[aria-sort]").inner_text().startswith("p95")
    assert "sort=slowness" in page.url


@pytest.mark.usefixtures("many")
def test_what_a_list_offers_for_download_is_what_it_lists_and_parses(tab: Tab, twins: Twins) -> None:
    found: set[str] = set()
    for path in [*twins.tame_paths.values(), "/runs?namespace=many&action=job-01&page=1"]:
        page = tab.open(path, status=404 if path == twins.tame_paths["broken"] else 200)
        for link in page.locator(".end a, footer a").all():
            url, kind = tab.origin + str(link.get_attribute("href")), link.inner_text()
            answer = tab.get(url)
            assert answer.ok, f"{url}: {answer.text()}"
            found.add(f"{kind} {urlsplit(path).path}")
            if kind == "CSV":
                head, *rows = csv.reader(answer.text().splitlines())
                assert {len(row) for row in rows} <= {len(head)}, url
                assert answer.headers["content-disposition"].startswith("attachment"), url
            elif kind == "JSON lines":
                assert all(json.loads(line) for line in answer.text().splitlines()), url
            else:
                assert kind in ("JSON", "API"), url
                json.loads(answer.text())
    lists = ("/actions", "/runs", "/failures", "/in-flight", "/cleanups", "/trail", "/namespaces")
    assert {f"{kind} {path}" for kind in ("CSV", "JSON") for path in lists} <= found

    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    saved = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [row["execution_id"] for row in saved] == runs(page) == ["run-121", "run-061", "run-001"]


def test_everything_can_be_done_by_keyboard_and_the_focus_is_seen(tab: Tab) -> None:
    page = tab.open("/runs?namespace=tame")

    def tabbed() -> dict[str, Any]:
        page.keyboard.press("Tab")
        focused: dict[str, Any] = page.evaluate(_FOCUSED)
        assert focused["visible"], focused
        return focused

    assert tabbed()["text"] == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    assert tabbed()["name"] == "action"
    page.keyboard.type("task-01")
    page.keyboard.press("Enter")
    page.wait_for_url("**action=task-01**")
    assert len(runs(page)) == 3

    reached: list[dict[str, Any]] = []
    while not reached or reached[-1]["text"] != "JSON":
        reached.append(tabbed())
        if reached[-1]["is"] == "summary":
            page.keyboard.press("Space")
    assert {each["name"] for each in reached} >= {"namespace", "action", "grep", "since", "failed", "source", "label"}
    assert {"Overview", "Failures", "Filter", "task-01", "CSV"} <= {each["text"] for each in reached}
    assert "region" in {each["role"] for each in reached}

    page.get_by_role("link", name="Failures").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/failures?namespace=tame")


def test_without_scripts_everything_can_be_read_and_followed(browser: Browser, origin: str, twins: Twins) -> None:
    tab = Tab(browser, origin, java_script_enabled=False, viewport=NARROW)
    for name, path in twins.tame_paths.items():
        page = tab.open(path, status=404 if name == "broken" else 200)
        assert "UTC" in page.locator("footer time").inner_text()
        assert page.locator("time:not([title*=UTC])").count() == 0
        assert all(page.locator("main time").all_inner_texts()), name
    page = tab.open("/runs?namespace=tame")
    page.get_by_text("more", exact=True).click()
    page.get_by_label("Source").fill("nosuch")
    page.get_by_role("button", name="Filter").click()
    assert "no execution that has ended is like that" in page.locator("main").inner_text()
    page.get_by_role("link", name="Clear").click()
    page.locator("td[data-label=Run] a").first.click()
    page.get_by_role("heading", name="Run of task-").wait_for()
    tab.close()
    assert tab.faults == []
