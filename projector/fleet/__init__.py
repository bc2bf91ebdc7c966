"""A worker for many namespaces: which of them are its own, a projector for each, and several such processes.

`fleet.py` is the life of one worker. `sharing/` tells the workers of each other, and who has which namespace.
`search.py` finds namespaces, `post.py` runs the projector of one, `making.py` makes it, `watch.py` waits for entries.
`processes.py` runs several workers on this host, `lone.py` serves one namespace that may turn out to have partitions.
"""
