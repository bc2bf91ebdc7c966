"""The console script `projector`: `commands/` has what each command takes and does, `display/` what it prints."""

__all__ = ["main"]


def main() -> None:
    """Run the command line in `sys.argv` and exit. The CLI library is loaded here, not on import."""
    from producer.terminal.program import run_program
    from projector.cli.app import app

    run_program("projector", app)
