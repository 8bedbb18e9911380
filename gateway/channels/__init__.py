"""Wallets as the gateway sees them: one port, one adapter per wallet, one module that talks HTTP."""
