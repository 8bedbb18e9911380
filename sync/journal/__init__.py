"""The till's memory: an append-only, hash-chained SQLite journal with tables computed from it.

schema.py     tables, guards and migrations        journal.py   the one writing connection
connection.py how a file is opened, and its errors read.py      read-only views for screens, reports and commands
verify.py     walking the chain                    room.py      free space, ballast
"""
