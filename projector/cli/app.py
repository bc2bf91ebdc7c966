"""The command line `projector`: its commands put together."""

from __future__ import annotations

from producer.terminal.exit_status import PROJECTOR
from producer.terminal.program import add_commands, new_program, run_program
from projector.cli.commands.acl import acl
from projector.cli.commands.demo import demo
from projector.cli.commands.doctor import doctor
from projector.cli.commands.quarantine import quarantine
from projector.cli.commands.read import cleanups, failures, in_flight, recent, stats, status
from projector.cli.commands.rebuild import rebuild
from projector.cli.commands.run import run
from projector.cli.commands.up import up
from projector.cli.commands.verify import verify

app = new_program(
    "projector", summary="Fold the write-ahead log of executions into lists and statistics, and read them."
)
# In the order in which `--help` shows them.
add_commands(app, up, demo, run, stats, recent, failures, cleanups, status, doctor, verify, rebuild, acl, in_flight)
app.add_typer(quarantine)


def main() -> None:
    """Run the command line in `sys.argv` and exit. An error that a user can repair is one line on stderr."""
    run_program("projector", app, PROJECTOR)
