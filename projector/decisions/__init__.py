"""Decisions of a person about the projection, each of which is an entry of the log."""
