"""What somebody means: names of namespaces, and globs such as `team-*`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from producer.errors import UnusableServer
from producer.wal import namespace_tag

_GLOB = re.compile(r"[A-Za-z0-9_.\-*?\[\]!]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The `names` and the `globs` that were given, each once, in the order in which they were given."""

    names: tuple[str, ...]
    globs: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Wanted:
        """Raises UnusableServer for a text that is neither a name nor a glob, or if there is none."""
        given = tuple(dict.fromkeys(texts))
        globs = tuple(text for text in given if is_glob(text))
        names = tuple(text for text in given if text not in globs)
        for name in names:
            namespace_tag(name)
        for glob in globs:
            if not _GLOB.match(glob):
                raise UnusableServer(f"namespace: expected a name, or a glob of * ? [a-z] [!a-z], found {glob!r}")
        if not given:
            raise UnusableServer("namespace: expected one at least, found none")
        return cls(names, globs)

    @property
    def first(self) -> str:
        """The namespace whose node is asked first."""
        return self.names[0] if self.names else "0"

    def matches(self, name: str) -> bool:
        """Whether a glob takes `name`."""
        return any(fnmatchcase(name, glob) for glob in self.globs)

    def __str__(self) -> str:
        return ", ".join((*self.names, *self.globs))


def is_glob(text: str) -> bool:
    """Whether `text` is a glob: no namespace has such characters."""
    return bool(set(text) & set("*?["))
