"""Queues: operations that wait for the forwarder. The queue on disk is in `producer/spool`."""
