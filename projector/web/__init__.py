"""The web page: what the query library answers, to look at. It reads, and writes nothing."""
