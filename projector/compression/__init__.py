"""Compression, of the standard library or as its backport has it."""
