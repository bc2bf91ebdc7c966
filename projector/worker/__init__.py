"""The worker: the one active projector of a namespace, and those that stand by.

`projector.py` is the life of the process, `session.py` what happens under one lease, `loader.py` how the history
is brought into memory, `link.py` the connection.
"""
