"""What the archiver's process and those that started it say to each other, a JSON object a line."""

from __future__ import annotations

from msgspec import Struct


class Order(Struct, frozen=True, kw_only=True, tag="archive"):
    """What the process is to archive. Its arguments would show a password to all. `number` is for its news."""

    url: str
    namespace: str
    where: str
    sign_key: str | None = None
    seal_after: float
    number: int = 0


class Stop(Struct, frozen=True, kw_only=True, tag="stop"):
    """The end of the order for `namespace`: at once, or when the `rest` is archived."""

    namespace: str
    rest: bool


class News(Struct, frozen=True, kw_only=True):
    """What the process tells of the order `number`: how far the archive is, and what keeps it from going on; at last
    that it has `ended`."""

    number: int = 0
    archived_to: str = ""
    trouble: str = ""
    ended: bool = False
