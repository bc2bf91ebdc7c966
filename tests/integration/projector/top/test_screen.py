"""The screen of `projector top`, driven by its keys, over the projection of a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from projector.cli.options import View
from projector.cli.top.app import Top
from projector.query import AsyncQuery
from tests.support import hostile
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server


def screen_of(app: Top) -> str:
    """What stands on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


class Driven:
    """A running `top`."""

    def __init__(self, app: Top, pilot: Pilot[int]) -> None:
        self.app = app
        self.press = pilot.press
        self._pilot = pilot

    @property
    def screen(self) -> str:
        return screen_of(self.app)

    async def until(self, condition: Callable[[str], object]) -> None:
        for _ in range(600):
            if condition(self.screen):
                return
            await self._pilot.pause(0.05)
        raise AssertionError(self.screen)

    async def shows(self, *texts: str) -> None:
        await self.until(lambda screen: all(text in screen for text in texts))


def drive(log: Log, steps: Callable[[Driven], Awaitable[None]], *, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        app = Top(AsyncQuery(log.url, log.namespace), View(utc=True))
        async with app.run_test(size=size) as pilot:
            await steps(Driven(app, pilot))

    asyncio.run(run())


def cleaned(resource: str) -> str:
    fields = {"type": "cleanup_executed", "scanner_id": "stale", "resource_id": resource, "action": "delete"}
    return json.dumps(fields | {"success": True, "executed_at": 1_790_000_000_000})


@pytest.fixture
def busy(log: Log) -> Log:
    """Two failures of deploy, one of backup, which is slow; one run of each kind of list."""
    for number in range(3):
        more: dict[str, Any] = {"exit_code": 3, "output": "first line\nlast line\n"} if number else {}
        log.add(completed("deploy", number == 0, error="connection refused", **more))
    log.add(completed("backup", False, duration_ms=90_000, error="disk full"))
    log.add(completed("sync", duration_ms=700))
    log.add(started("sync", "run-7"))
    log.add(cleaned("lock:deploy"))
    log.drain()
    return log


@pytest.mark.parametrize("size", [(80, 24), (60, 24), (200, 60)])
def test_all_that_happens_stands_on_a_screen_of_any_size(busy: Log, size: tuple[int, int]) -> None:
    async def steps(top: Driven) -> None:
        await top.shows("Running", "Actions by failures", "Slowest actions", "Latest failures", "Latest cleanups")
        await top.shows("sync", "deploy", "connection refused"[:5], "disk full"[:5], "lock:deploy", "1 running")
        await top.shows("entries/s", "Quit", "Sort", "Filter", "Pause")
        assert len(top.screen.splitlines()) == size[1]

    drive(busy, steps, size=size)


def test_s_sorts_the_actions_by_what_their_title_says(busy: Log) -> None:
    def first(screen: str) -> list[str]:
        lines = screen.splitlines()
        return next((lines[at + 2].split() for at, line in enumerate(lines) if "Actions by" in line), []) or [""]

    async def steps(top: Driven) -> None:
        await top.until(lambda screen: "by failures" in screen and first(screen)[0] == "deploy")
        assert "backup" in first(top.screen)  # the slowest
        for order, name in (("rate", "backup"), ("volume", "deploy"), ("recency", "sync"), ("failures", "deploy")):
            await top.press("s")
            await top.until(lambda screen: f"by {order}" in screen and first(screen)[0] == name)  # noqa: B023

    drive(busy, steps)


def test_a_filter_leaves_what_has_the_text_in_a_name_or_an_error_until_escape(busy: Log) -> None:
    async def steps(top: Driven) -> None:
        await top.shows("deploy", "backup", "disk full")
        await top.press("slash", *"DISK")
        await top.until(lambda screen: "disk full" in screen and "connection" not in screen)
        assert "lock:deploy" not in top.screen
        await top.press("escape")
        await top.shows("connection", "disk full", "lock:deploy")
        await top.press("slash", *"deploy", "enter", "q")  # Enter keeps the filter, and q is a key again

    drive(busy, steps)


def test_p_pauses_and_goes_on(busy: Log) -> None:
    async def steps(top: Driven) -> None:
        await top.shows("lock:deploy")
        await top.press("p")
        await top.shows("paused")
        busy.add(cleaned("lock:later"))
        busy.drain()
        await top.press("p")
        await top.until(lambda screen: "lock:later" in screen and "paused" not in screen)

    drive(busy, steps)


def test_new_entries_appear_by_themselves_and_their_rate_too(busy: Log) -> None:
    async def steps(top: Driven) -> None:
        await top.shows("lock:deploy")
        for number in range(50):
            busy.add(cleaned(f"lock:{number}"))
        busy.drain()
        await top.until(lambda screen: "lock:49" in screen and "▁" not in screen.splitlines()[1].split("entries")[0])
        await top.shows("█")  # the rate of the last minute

    drive(busy, steps)


def test_enter_opens_the_line_at_the_cursor_and_escape_goes_back(busy: Log) -> None:
    async def steps(top: Driven) -> None:
        await top.shows("disk full")
        await top.press("tab", "tab", "tab", "down", "enter")
        await top.shows("Exit status  3", "connection refused", "Output", "first line", "last line")
        top.app._hurry.set()  # another sample, while the page is open
        await top.until(lambda _: not top.app._hurry.is_set())
        await top.press("escape")
        await top.shows("Latest failures")
        await top.until(lambda screen: "Output" not in screen)
        await top.press("shift+tab", "shift+tab", "enter")
        await top.shows("State", "failed 2 times in a row", "Last success")

    drive(busy, steps)


def test_names_of_any_origin_do_nothing_to_the_screen(log: Log) -> None:
    odd = "\x1b[2J\n\u202eevil [bold red]🚀" + "x" * 200
    log.add(completed(odd, False, error=odd))
    log.add(started(odd[:200], odd[:200]))
    log.add(cleaned(odd))
    log.drain()

    async def steps(top: Driven) -> None:
        await top.shows(r"\x1b[2J\n\u202e", "Latest cleanups")
        assert "\x1b" not in top.screen
        await top.press("enter")
        await top.shows("red]🚀xxx")
        assert top.screen.count("x" * 40) > 4

    drive(log, steps)


def test_no_string_of_any_field_commands_a_narrow_screen_or_the_page_of_a_run(log: Log) -> None:
    hostile.fill(log, at=1_790_000_000_000)

    async def steps(top: Driven) -> None:
        await top.shows("Latest cleanups", r"deed\x1b")
        assert hostile.obeyed(top.screen) == []
        assert {cell_len(line) for line in top.screen.splitlines()} == {60}
        for name in ("Running", "Actions", "Slowest", "failures", "cleanups"):
            await top.press("enter")
            await top.until(lambda screen: hostile.SHOWN in screen)
            assert hostile.obeyed(top.screen) == [], name
            await top.press("escape", "tab")

    drive(log, steps, size=(60, 24))


def test_a_namespace_without_anything_says_so(log: Log) -> None:
    async def steps(top: Driven) -> None:
        await top.shows("nothing has been recorded", "nothing runs", "no execution has failed")
        await top.press("enter", "down", "up")

    drive(log, steps)


def test_of_several_namespaces_each_line_says_which_and_the_head_names_those_without_a_projector(busy: Log) -> None:
    other = Log(busy.client, busy.url, f"{busy.namespace}-2")
    other.add(completed("ship", False, error="no such host"))
    other.drain()
    glob = f"{busy.namespace}*"

    async def run() -> None:
        app = Top(AsyncQuery(busy.url, namespaces=[glob]), View(utc=True))
        async with app.run_test(size=(100, 30)) as pilot:
            driven = Driven(app, pilot)
            await driven.shows(
                glob, "Namespace", other.namespace, "ship", "sync", "none of 2 namespaces has an active"
            )
            await driven.press("slash", *other.namespace)
            await driven.until(lambda screen: "run-7" not in screen and "no such host" in screen)

    asyncio.run(run())
