"""The ways out: each operation sent at once, or put into a queue that a thread forwards."""
