"""What Alembic runs for each upgrade: our connection, inside the transaction that `gateway.store.migrate` began."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

_given: object = context.config.attributes["connection"]
assert isinstance(_given, Connection), "gateway.store.migrate gives the connection"
context.configure(connection=_given, transactional_ddl=True)
context.run_migrations()
