"""The command `guitai`: composes the programs and owns the command line.

Knows every room; no room but proof and the tests knows it. Importing this package must stay cheap: it imports nothing.
"""
