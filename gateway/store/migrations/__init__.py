"""Alembic finds its revisions here; `gateway.store.migrate` runs them."""
