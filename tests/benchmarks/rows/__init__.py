"""The benchmarks, one row or family of rows each; `../catalogue.py` lists them."""
