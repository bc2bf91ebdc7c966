"""Delivery: each operation is sent at once, or waits in a queue that a thread forwards."""
