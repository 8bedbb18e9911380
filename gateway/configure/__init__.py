"""What the owner configures: merchants, stores and channel accounts from one TOML file, and activation codes.

Usable while the gateway runs (through its admin socket) and while it does not (on the file, under its lock).
"""
