"""Simulated wallets that speak the real wire protocols, and a customer's phone, for demo, training and tests.

Imports none of our rooms: a simulator that shares its subject's code shares its mistakes.
"""
