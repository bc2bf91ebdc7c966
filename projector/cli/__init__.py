"""The console script `projector`: `commands/` has what each command takes and does, `display/` what it prints."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line in `sys.argv` and exit. The CLI library is loaded here, not on import."""
    from projector.cli.app import main as run

    run()
