"""Runs over time: what ended, failed and was presumed dead in each minute, hour and day of the log's own time."""
