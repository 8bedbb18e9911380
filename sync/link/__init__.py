"""The signed line to the gateway: `calls` is pure (what is sent, what an answer is worth), `http` is the one module of
the terminal that speaks HTTP, `exchange` is the port between them, so that a simulation can be the network."""
