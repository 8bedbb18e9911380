"""A simulated UnionPay: ACP 5.1.0 over one book of trades, with its own authority, notifications, the userAuth page and
settlement files. Pure: time and randomness are arguments, so that it runs behind a web server and inside a simulation
with a virtual clock alike.
"""
