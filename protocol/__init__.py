"""What the terminal and the gateway agree on, and nothing else.

Money, numbers, payment codes, states, messages, journal chaining and the HTTP signature profile. Pure: no clock, no
randomness, no socket, no disk; `now` and random bytes are arguments. Imports the standard library, `msgspec` and
`cryptography` only, and none of the other rooms.
"""
