"""Operations on the local disk until the log has them: one SQLite file for each producer, in one directory.

<directory>/<random>.spool      the file (beside it, while it is in use, SQLite's own -wal and -shm)
<directory>/<random>.lock       locked for as long as the process lives that uses the file; a note of what waits in it
<directory>/<random>.damaged    a file that could not be read, as it was found; what was intact is in another
<directory>/.rescue-<random>    drafts, while that other is made
"""
