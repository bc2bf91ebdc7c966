"""The command line `projector`: its commands put together."""

from producer.terminal.program import Plugin, add_commands, new_program
from projector.cli.archive.export import export
from projector.cli.archive.group import archive
from projector.cli.archive.restore import restore
from projector.cli.commands.acl import acl
from projector.cli.commands.demo import demo
from projector.cli.commands.doctor import doctor
from projector.cli.commands.gaps import gaps
from projector.cli.commands.quarantine import quarantine
from projector.cli.commands.rebuild import rebuild
from projector.cli.commands.resolve import resolve
from projector.cli.commands.run import run
from projector.cli.commands.up import up
from projector.cli.commands.verify import verify
from projector.cli.log.log import log, tail
from projector.cli.partitions.repartition import repartition
from projector.cli.read.check import check
from projector.cli.read.history import history
from projector.cli.read.namespaces import namespaces
from projector.cli.read.recent import cleanups, failures, recent
from projector.cli.read.running import in_flight
from projector.cli.read.show import show, trail
from projector.cli.read.stats import stats
from projector.cli.read.status import status
from projector.cli.read.top import top
from projector.cli.web.web import web

app = new_program(
    "projector", summary="Fold the write-ahead log of executions into lists and statistics, and read them."
)
# In the order in which `--help` shows them.
add_commands(app, up, demo, run, web, acl, heading="Run")
add_commands(app, stats, recent, failures, cleanups, in_flight, log, tail, heading="Read")
add_commands(app, show, trail, history, top, status, namespaces, heading="Read")
add_commands(app, check, heading="Read", cls=Plugin)
app.add_typer(archive, rich_help_panel="Archive")
add_commands(app, export, heading="Archive")
add_commands(app, doctor, verify, rebuild, restore, resolve, repartition, heading="Repair")
app.add_typer(quarantine, rich_help_panel="Repair")
app.add_typer(gaps, rich_help_panel="Repair")
