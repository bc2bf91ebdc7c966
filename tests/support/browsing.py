"""A real browser at our pages, which notes all that a page may not do, and asks axe-core what keeps people out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    APIResponse,
    Browser,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

from projector.web.access.access import Access
from projector.web.app import Application
from projector.web.server import WebServer
from projector.web.site import Settings

CHROMIUM = Path("/usr/bin/chromium")
AXE_VARIABLE = "AXE_CORE"
"""Names the file axe.min.js, of the package axe-core of npm."""
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 400, "height": 800}

_SEVERE = """async (rules) => {
  const only = rules && { runOnly: { type: "rule", values: rules } };
  const { violations } = await axe.run(document, { resultTypes: ["violations"], iframes: false, ...only });
  return violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
}"""
_SKELETON = """(html) => {
  const page = html === null ? document : new DOMParser().parseFromString(html, "text/html");
  const ours = ([name, value]) => !["href", "src", "action"].includes(name) || /^[/#](?![/])/.test(value);
  return [...page.querySelectorAll(":not(pre *)")].map((each) => {
    const names = [...each.attributes].map(({ name, value }) => (ours([name, value]) ? name : `${name}=${value}`));
    const kept = names.filter((name) => !["selected", "data-before"].includes(name));
    return `${each.localName} ${kept.sort().join(" ")}`;
  });
}"""


@contextmanager
def served(url: str, *namespaces: str, prefix: str = "", port: int = 0) -> Iterator[str]:
    """Our server, beside the test; gives the URL of its page, without a slash at its end."""
    access = Access(port=port)
    app = Application(Settings(url=url, namespaces=namespaces, prefix=prefix), access)
    with WebServer(app, access, prefix=prefix) as server:
        yield server.address.rstrip("/")


def chromium() -> Iterator[Browser]:
    """A fixture's body: Debian's browser. While it is open there is an event loop in this thread."""
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    if not os.environ.get(AXE_VARIABLE):
        pytest.skip(f"{AXE_VARIABLE} does not name axe.min.js of npm's axe-core")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """A page of `browser`, which may only ask `origin`. `faults` are what it did that it may not."""

    def __init__(self, browser: Browser, origin: str, **options: Any) -> None:
        self.faults: list[str] = []
        self.origin = origin
        self._context = browser.new_context(
            **{"viewport": WIDE, "locale": "en-GB", "timezone_id": "America/New_York", **options}
        )
        self._context.set_default_timeout(20_000)
        self._context.add_init_script("window.ran = () => { window.wasRun = true; }")
        self.page = self.another()

    def another(self) -> Page:
        """One more page of the same person."""
        page = self._context.new_page()
        page.on("console", self._told)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._asked)
        page.on("popup", lambda popup: self.faults.append(f"opened {popup.url}"))
        page.on("request", self._requested)
        page.on("requestfailed", self._failed)
        return page

    def open(self, path: str, *, status: int = 200) -> Page:
        """`path` begins with a slash, or is a whole URL."""
        answer = self.page.goto(path if path.startswith("http") else self.origin + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status} {answer.text()[:2000]}"
        return self.page

    def get(self, path: str) -> APIResponse:
        """What the server answers to the same person, without opening it."""
        return self._context.request.get(path if path.startswith("http") else self.origin + path)

    def html(self, path: str) -> str:
        return self.get(path).text()

    def severe(self, *rules: str) -> list[str]:
        """What axe-core finds on the page that is open, of impact serious or critical: by these rules, or by all.

        It has to find it twice: a part of a live page may be replaced under its eyes.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Path(os.environ[AXE_VARIABLE]).read_text())
        first: list[str] = self.page.evaluate(_SEVERE, rules or None)
        again: list[str] = self.page.evaluate(_SEVERE, rules or None) if first else []
        return [each for each in again if each in first]

    def skeleton(self, html: str | None = None) -> list[str]:
        """The elements with the names of their attributes, and URLs that are not ours; of the open page or of `html`,
        which runs no script. What is preformatted is left out: it has an element for each line and colour."""
        found: list[str] = self.page.evaluate(_SKELETON, html)
        return found

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return found

    def close(self) -> None:
        self._context.close()

    def _told(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        answered = message.text.startswith("Failed to load resource: the server responded")
        if not (answered and message.location.get("url") == self.page.url):  # `open` expects a status of its own
            self.faults.append(f"console: {message.text} {message.location}")

    def _asked(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(f"{self.origin}/"):
            self.faults.append(f"asked {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # as when somebody leaves the page
            self.faults.append(f"failed: {request.url} {request.failure}")
