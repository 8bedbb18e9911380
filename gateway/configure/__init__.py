"""How an owner tells the gateway who sells, where, and through which channel accounts; and how a till gets its ticket.

A TOML document is read (`document`), compared with what the store holds (`plan`), and written in one transaction (`apply`).
`activation` hands out the one-time code that makes a computer a terminal. A database has one writing process: a running
gateway takes these orders through its admin door (`door`); when none runs, the command holds the database's lock itself.
Keys never reach a plan, an error text or a screen.
"""
