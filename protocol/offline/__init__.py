"""Selling with the till's line down: the order that a QR carries, the proof that comes back, and typed codes.

SAFETY.md section 3 is the source; docs/offline-qr.md is the protocol for outside readers. Pure: bytes in, values out.
"""
