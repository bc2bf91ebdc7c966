"""The demonstration: a small engine of worker processes on an embedded server and a projector, and the audit of it.

demo.py        the course of events          engine.py     the worker processes, seen from outside
projection.py  the projector's process       worker.py     one worker process, from inside
scratch.py     the directory they work in    actions.py    the actions that the workers run
book.py        what the workers recorded     scanners.py   the scanners that clean up after them
audit.py       the books against the projection
"""
