"""`python -m producer` is the command line `producer`."""

from producer.cli import main

if __name__ == "__main__":
    main()
