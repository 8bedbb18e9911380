"""Brings a database to this program's schema, in one transaction, or refuses one that is newer.

The revisions lie beside this module, so that an installed package carries them. Alembic runs on our open connection:
under SQLite its DDL stands inside BEGIN IMMEDIATE, so a start that is killed leaves the old schema or the new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

_FOLDER: Final = Path(__file__).with_name("migrations")


class SchemaNewer(Exception):
    """The database was written by a newer program."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"the database has schema {revision}, which this program does not know; use the newer program")
        self.revision = revision


def migrate(engine: Engine) -> None:
    """Applies what is missing. Raises SchemaNewer."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in scripts.walk_revisions()}
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise SchemaNewer(current)
        if current == scripts.get_current_head():
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
