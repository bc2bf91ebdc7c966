"""What was recorded, or asked for, is text: it adds no element, runs nothing, and turns nothing around."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.browsing import Tab
from tests.support.hostile import obeyed
from tests.support.projection import completed
from tests.support.twins import LONG_MARK, MARK, Twins

pytestmark = pytest.mark.browser

SHOWN = "<script>ran()</script><img src=x onerror=ran()>"
"""How such a text looks."""
KEPT = dict.fromkeys(map(ord, "\t\u200b"))
"""Tabs stand between cells, and an output keeps what holds emoji together or shows nothing."""
ASKED = {
    "/runs?namespace=empty&action={}&grep={}&label=a={}&since=1h": 200,
    "/cleanups?namespace=empty&scanner={}&resource={}&source={}&host={}": 200,
    "/failures?namespace=empty&source={}&host={}": 200,
    "/actions?namespace=empty&q={}": 200,
    "/in-flight?namespace=empty&q={}": 200,
    "/trail?namespace=empty&resource={}": 200,
    "/log?namespace=empty&grep={}": 200,
    "/log?type={}": 400,
    "/runs?since={}": 400,
    "/actions?sort={}": 400,
    "/?namespace={}": 404,
    "/action?id={}": 404,
    "/run?id={}": 404,
}


def test_recorded_markup_adds_no_element_and_is_shown(tab: Tab, twins: Twins) -> None:
    for name, path in twins.marked_paths.items():
        page = tab.open(path, status=404 if name == "broken" else 200)
        assert tab.skeleton() == tab.skeleton(tab.html(twins.tame_paths[name])), name
        text = page.locator("main").inner_text()
        assert name in ("broken", "namespaces") or SHOWN in text, name
        assert obeyed(text.translate(KEPT)) == [], name
        assert tab.overflow() <= 0, name
    assert page.evaluate("window.wasRun") is None


def test_what_is_asked_for_is_text_too(tab: Tab) -> None:
    for path, status in ASKED.items():
        mark = quote(MARK if path.count("{}") > 1 else LONG_MARK[: len(LONG_MARK) // 2])
        page = tab.open(path.replace("{}", mark), status=status)
        assert tab.skeleton() == tab.skeleton(tab.html(path.replace("{}", "plain"))), path
    assert page.evaluate("window.wasRun") is None


def test_markup_that_arrives_live_is_text_too(tab: Tab, twins: Twins) -> None:
    page = tab.open("/log?namespace=marked")
    twins.marked.add(completed(f"late{MARK}", False, error=LONG_MARK))
    twins.marked.client.delete(twins.marked.key("lease"))
    twins.marked.drain()
    page.get_by_text("late<script>").first.wait_for()
    assert page.locator("main :is(script, img, iframe, style, object, base, meta)").count() == 0
    assert page.evaluate("window.wasRun") is None
