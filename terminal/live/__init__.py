"""The till behind the screen: sync, devices, readers and checks as the one port that the screen talks to.

settings.py  devices and code ranges of settings.toml   till.py      LiveTill: threads and lifetimes
mapping.py   from sync's and drivers' words to ours      opening.py   a folder's till, or why it cannot be opened
history.py   journal entries as an order's history       reading.py   read-only questions to the journal
checks.py    what the doctor looks at                    devices.py   devices, in words for the command line
"""
