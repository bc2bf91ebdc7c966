"""Options in seconds: what no clock can wait for is refused before anything is done."""

from pathlib import Path

import pytest

from tests.support.commands import PRODUCER, PROJECTOR, environment_of, run_command
from tests.support.spooling import AWAY


@pytest.mark.parametrize("seconds", ["inf", "1e300", "nan"])
@pytest.mark.parametrize(
    "arguments",
    [
        (PRODUCER, "flush", "--timeout"),
        (PRODUCER, "import", "/dev/null", "--patience"),
        (*PROJECTOR, "quarantine", "retry", "1-1", "--wait"),
        (*PROJECTOR, "run", "--lease-ttl"),
    ],
)
def test_endless_seconds_are_a_usage_error_that_names_the_option(
    arguments: tuple[str, ...], seconds: str, tmp_path: Path
) -> None:
    environ = environment_of(AWAY, "otters", XDG_STATE_HOME=str(tmp_path))
    done = run_command([*arguments, seconds], env=environ, text=True)
    assert done.returncode == 2
    assert f"Invalid value for {arguments[-1]}" in done.stderr.replace("'", "")
    assert "Traceback" not in done.stderr
