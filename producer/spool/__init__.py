"""Operations on the local disk until the log has them: one SQLite file for each producer, in one directory.

<directory>/<random>.spool      the file (beside it, while it is in use, SQLite's own -wal and -shm)
<directory>/<random>.lock       locked while a living process uses the file; holds a note of what waits in it
<directory>/<random>.damaged    a damaged file, as it was found; what was intact is in another .spool
<directory>/.rescue-<random>    drafts of that other file
"""
