"""The till behind the screen: sync, devices, readers and checks as the one port that the screen talks to.

till.py      LiveTill: threads and lifetimes             guns.py      the scan guns, told about as one lamp
mapping.py   from sync's and drivers' words to ours      settings.py  devices and code ranges of settings.toml
reading.py   read-only questions to the journal          history.py   its entries as an order's history
looking.py   what the doctor sees                        checks.py    and what that means
"""
