"""The documents that programs get, and how they are put together."""
