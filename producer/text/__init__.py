"""Texts and JSON of any origin, made fit to be recorded: cut to their bound, without secrets, strictly read."""
