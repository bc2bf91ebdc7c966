"""Benchmarks: this project beside what Redis itself can do, in the same run on the same server.

    python -m tests.benchmarks [--json] [--short] [NAME…]

`ratio.py` says how figures are compared, `workload.py` what is recorded, `baselines.py` what it is compared with;
the other modules are one benchmark or family each, listed in `catalogue.py`.
"""
