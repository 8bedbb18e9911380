"""The aggregator between tills and wallets: HTTP edges, payments, channels, callbacks, jobs and the store.

May import protocol only. HTTP to the wallets is spoken in one module, `gateway.channels.http`.
"""
