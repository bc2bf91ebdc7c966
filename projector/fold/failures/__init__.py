"""Failed runs by kind: what two errors have in common, how often each kind came, how long the failed runs took."""
