"""A simulated Alipay: the open-platform gateway protocol, its signatures and its trades. Pure: time and randomness are
arguments, so that it runs behind a web server and inside a simulation with a virtual clock alike.
"""
