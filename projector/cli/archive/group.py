"""The group `projector archive`: its commands put together."""

from producer.terminal.program import add_commands, new_group
from projector.cli.archive.evidence import check, prove, verify
from projector.cli.archive.once import once

archive = new_group(
    "archive",
    summary="The log's entries in files that no server holds, chained by their hashes.",
    epilog="Example: projector archive once --archive /var/backups/wal",
)
add_commands(archive, once, verify, prove, check)
