"""Losses: what the projection knows, and the log no longer has."""
