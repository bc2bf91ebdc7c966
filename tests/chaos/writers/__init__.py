"""The writers of a run: processes that record through the public Producer, each in its way, and their journals."""
