"""What an offline ORDER may do here, which proof an order has, and the life of the keys that sign proofs. Pure.

SAFETY.md section 3 is the source, docs/offline-qr.md the protocol. It must not know tables, pages or key files.
"""
