"""The commit: how a history gets into Redis, whole or not at all. `plan.py` lists the writes, `*.lua` do them."""
