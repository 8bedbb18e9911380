"""Power cuts on paper: what the real code wrote, written again onto a disk that remembers what was synced, and every
state that a cut could leave behind, opened and judged.

recording.py  the SQL of real connections        images.py    each disk operation, each image, each verdict
disk.py       what a cut leaves of a file (pure)  oracles.py   what a whole database must satisfy
shim.py       an apsw VFS that logs operations    kinds.py     which kinds of transaction code has, and were reached
"""
