"""Texts from the log made fit for a page."""
