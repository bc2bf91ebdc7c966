"""The command line `producer`: its commands put together."""

from producer.cli.import_ import import_
from producer.cli.record import cleanup, completed, started
from producer.cli.run import run
from producer.cli.spool import drop, flush, spool
from producer.terminal.options import with_options
from producer.terminal.program import add_commands, new_group, new_program

app = new_program("producer", summary="Record what is run in the write-ahead log.")
# The options of `run` end with the first word of the command; the rest is the command's, whatever it looks like.
add_commands(app, run, heading="Record", context_settings={"allow_interspersed_args": False})
add_commands(app, started, completed, cleanup, heading="Record")
add_commands(app, import_, heading="Record", name="import")
spools = new_group("spool", summary=spool.__doc__ or "", epilog="Example: producer spool")
spools.callback(invoke_without_command=True, no_args_is_help=False)(with_options(spool))
add_commands(spools, drop)
app.add_typer(spools, rich_help_panel="Read")
add_commands(app, flush, heading="Repair")
