"""The commit: how a history gets into Redis, whole or not at all.

`plan.py` lists the writes, `carrier.py` brings them to the server over a `link.py`, `*.lua` check and write
there, and `verdict.py` judges what they reply.
"""
