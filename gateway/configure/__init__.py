"""How an owner tells the gateway who sells, where, and through which channel accounts; and how a till gets its ticket.

`document` reads the TOML file, `plan` compares it with what the store holds, `apply` writes it in one transaction,
`activation` makes the one-time code that turns a computer into a terminal. A database has one writing process: a
running gateway takes these orders at its admin door (`door`, called through `knock`); when none runs, the command holds
the database's own lock (`reach`). `orders` does what is asked, the same in both cases.
Keys never reach a plan, an error text or a screen.
"""
