"""The pure decisions of the terminal's line to the gateway: (state, event, now) in, (state, effects) out.

Knows no clock, socket, disk or thread. `model` is what the app says to it and hears from it.
"""
