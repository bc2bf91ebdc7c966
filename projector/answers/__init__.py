"""What a command answers with, for whoever shows it: the command line, the web's API, its pages.

Texts as people write them become arguments (`filters`, `interval`; WrongParameter for what means nothing), a query is
asked (`records`, `standing`, `examined`, `quarantined`, `documents/`), and an `Answer` is the same bytes for every
program that reads. Nothing here knows of a terminal.
"""
