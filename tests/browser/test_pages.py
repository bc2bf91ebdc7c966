"""Each page in a real browser: it opens, it fits, nobody is kept out, and it asks nobody else."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ViewportSize

from projector.web.app import PAGES
from tests.support.browsing import NARROW, WIDE, Tab
from tests.support.twins import Twins

pytestmark = pytest.mark.browser

MISSING = ["/action?id=x&namespace=empty", "/run?id=x&namespace=empty"]
EMPTY = [f"{page.path}?namespace=empty" for page in PAGES if page.path not in ("/action", "/run")] + MISSING
BY_LOOKS = ("color-contrast", "scrollable-region-focusable", "target-size")
"""The rules of axe-core that depend on the size of the window, and on its colours; all rules take twice as long."""


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "empty"])
def test_each_page_opens_wide_and_narrow_light_and_dark_and_keeps_nobody_out(
    tab: Tab, twins: Twins, busy: bool
) -> None:
    paths = [*twins.tame_paths.values(), "/?"] if busy else EMPTY
    assert {page.path for page in PAGES} <= {urlsplit(path).path for path in paths}
    found = []
    for path in paths:
        page = tab.open(path, status=404 if path in (*MISSING, twins.tame_paths["broken"]) else 200)
        looks: list[tuple[ViewportSize, Literal["light", "dark"], tuple[str, ...] | None]] = [
            (WIDE, "light", ()),
            (NARROW, "dark", BY_LOOKS if busy else None),
        ]
        for size, scheme, rules in looks:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            if over := tab.overflow():
                found.append(f"{path}: {over} wider than {size}")
            if rules is not None:
                found += [f"{path} at {size}, {scheme}: {each}" for each in tab.severe(*rules)]
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
    assert found == []
