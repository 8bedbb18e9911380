"""The cashier app: use cases without Qt (`cashier`), widgets (`ui`), and what a till needs around them.

May import sync, drivers, protocol and assets. Never the gateway, the sandbox or proof: what it knows of the gateway
is in protocol.
"""
