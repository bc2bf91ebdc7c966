"""Partitions of one namespace: what each is called, which has an action, and how many there are."""
