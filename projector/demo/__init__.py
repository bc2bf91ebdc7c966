"""The demonstration: an engine of worker processes on an embedded server, a projector, and an audit at the end."""
