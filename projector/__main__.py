"""`python -m projector` is the command line `projector`."""

from projector.cli import main

if __name__ == "__main__":
    main()
