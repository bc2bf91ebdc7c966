"""Runs of actions: recorded around a body, and told from dead runs by heartbeats while they are open."""
