"""The gateway's durable memory: tables, migrations, units of work and the rows' mapping to values.

A unit of work is a plain function over one transaction; `Store.run` resolves only after COMMIT. It must not know HTTP,
wallets or what a state means: `gateway.payments` decides, this keeps.
"""
