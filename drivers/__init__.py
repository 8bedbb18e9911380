"""Devices as bytes: scan guns, cameras, printers, drawers, customer displays, voice.

Imports none of our rooms and knows no money, no Qt and no network. Parsers and encoders are pure; the transport is a
separate, replaceable pipe.
"""
