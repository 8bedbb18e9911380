"""The terminal's memory and its line to the gateway: the journal, the pure engine, the signed HTTP link, the runner.

May import protocol only. HTTP is spoken in one module, `sync.link.http`.
"""
