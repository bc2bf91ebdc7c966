"""The command line: each module one command or one kind of them; `app.py` puts them together."""


def main() -> None:
    """The console script `projector`."""
    from projector.cli.app import main as run_app

    run_app()
