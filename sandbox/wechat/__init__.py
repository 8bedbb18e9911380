"""A simulated WeChat Pay: the XML protocol of v2 and the JSON protocol of v3 over one book of orders, with signatures,
callbacks, OAuth and bills. Pure: time and randomness are arguments, so that it runs behind a web server and inside a
simulation with a virtual clock alike.
"""
