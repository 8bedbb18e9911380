"""`guitai demo`: gateway, sandbox wallets and cashier app as processes on free loopback ports, ready to sell."""
