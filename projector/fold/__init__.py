"""The fold: history + entry → history. Pure: no clock, no randomness, no Redis.

`fold.py` has the rules, `history.py` what they work on, `entry.py` how an entry of the log is read.
"""
