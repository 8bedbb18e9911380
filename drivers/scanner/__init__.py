"""Scan guns: what they read, as text with a time and a device, and what state they are in.

Layers, one way: ``parsers`` (pure, bytes in, events out) under ``supervisor`` (one thread per device) under ``start``
(a scanner URI in, a running scanner out). What a text means - a payment code, goods, a link - is decided elsewhere.
"""
