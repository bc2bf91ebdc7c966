"""Archiving beside the projection, in a process of its own: the fold waits neither for disks nor for hashes."""
