from __future__ import annotations

import pytest

from projector.retention.retention import milliseconds_in
from tests.support.commands import projector


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("30s", 30_000), ("90m", 5_400_000), ("36h", 129_600_000), ("7d", 604_800_000), ("1w", 604_800_000)],
)
def test_a_duration_has_a_unit(text: str, milliseconds: int) -> None:
    assert milliseconds_in(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "7", "604800", "0d", "-1d", "1.5h", "7 d", "7D", "7days", "1d12h", "9999999w", "٧d"]
)
def test_anything_else_is_refused_with_the_form_that_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number and ms, s, m, h, d or w, such as 90m, 36h"):
        milliseconds_in(text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--retain", "3600"), "such as 90m, 36h, 7d or 1w, found '3600'"),
        (("--group-idle", "x"), "such as 90m, 36h, 7d or 1w, found 'x'"),
        (("--retain", "7d"), "--no-archive"),
        (("--retain-entries", "1000"), "--no-archive"),
        (("--retain-entries", "-1"), "greater than or equal to 0"),
    ],
)
def test_run_refuses_a_retention_that_it_cannot_keep(options: tuple[str, ...], expected: str) -> None:
    ended = projector("run", *options)
    assert ended.returncode == 2
    assert expected in " ".join(ended.stderr.split())
