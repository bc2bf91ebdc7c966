"""The mutation check: each guard of the product is taken out of a copy, and a few named tests have to notice.

`python -m tests.mutation` runs it. `mutants.py` lists the guards, `mutant.py` says what a mutant is, `copied.py`
makes the copy and runs tests on it.
"""
