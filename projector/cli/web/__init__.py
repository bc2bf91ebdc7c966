"""The web page, served by commands."""
