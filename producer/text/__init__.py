"""Texts, times and JSON of any origin, made fit to be recorded: cut to the bound, without secrets, strictly read."""
