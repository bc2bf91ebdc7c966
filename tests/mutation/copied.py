"""A copy of the product and its tests, to mutate, and to run a few tests on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

__all__ = ["Copied", "Ran"]

ROOT = Path(__file__).parents[2]
_PACKAGES = ("producer", "projector", "tests")
_PASSED, _FAILED = 0, 1


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
        for package in _PACKAGES:
            shutil.copytree(ROOT / package, directory / package)
        shutil.copy(ROOT / "pyproject.toml", directory)
        if (characters := ROOT / ".hypothesis" / "unicode_data").exists():  # making that list takes a second
            shutil.copytree(characters, directory / characters.relative_to(ROOT))
        self._check_that_it_is_imported()

    def write(self, file: str, text: str) -> None:
        (self.root / file).write_text(text)
        Path(cache_from_source(str(self.root / file))).unlink(missing_ok=True)  # what was compiled is the original's

    def run(self, tests: Iterable[str]) -> Ran:
        """Run `tests` in their order, up to the first that fails; `text` names those that passed and that one."""
        return self._python("-m", "pytest", "-x", "-q", "-rpf", "-p", "no:cacheprovider", *tests)

    def _check_that_it_is_imported(self) -> None:
        ran = self._python("-c", "import producer, projector; print(producer.__file__, projector.__file__)")
        if ran.text.split() != [str(self.root / name / "__init__.py") for name in ("producer", "projector")]:
            raise RuntimeError(f"expected the copy in {self.root} to be imported, found {ran.text}")

    def _python(self, *arguments: str) -> Ran:
        environment = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,  # each test has its own; this is for all of them on a slow machine
            check=False,
        )
        return Ran(ended.returncode, ended.stdout.decode(errors="replace"))
