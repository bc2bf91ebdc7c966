"""The worker: the one active projector of a namespace, and the projectors that stand by.

`projector.py` is the life of the process, `session.py` the work under one lease, `loader.py` brings the history into
memory, `projection_writer.py` folds and commits batches.
"""
