"""The command `guitai`: composes the programs and owns the command line.

Knows every room; no room but the tests knows it. Importing this package must stay cheap: it imports nothing.
"""

__version__ = "0.1.0"
