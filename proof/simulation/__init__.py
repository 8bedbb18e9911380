"""Deterministic simulation: several tills, the gateway and a wallet in one process, one seed, one virtual clock.

The real code of every room runs; only the network, the clock, chance, and when a process dies are ours.
"""
