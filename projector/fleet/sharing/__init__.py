"""Sharing namespaces out: the workers hear of each other, and reckon who has what."""
