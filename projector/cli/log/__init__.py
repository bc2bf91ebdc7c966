"""The log as people read it: `projector log` and `tail`."""
