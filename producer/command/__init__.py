"""A command that is run for `producer run`: its process, its output, its signals."""
