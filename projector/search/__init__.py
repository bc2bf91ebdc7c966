"""The search: what is wanted of the log, found in pages of the trail; the same filter judges records."""

from projector.search.filter import Filter, host_of

__all__ = ["Filter", "host_of"]
