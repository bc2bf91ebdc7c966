"""The commands about the archive, and the log as files: `projector archive …`, `projector export`."""
