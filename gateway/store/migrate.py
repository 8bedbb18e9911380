"""Brings a database to this program's schema, in one transaction, or refuses one that is newer.

The revisions lie beside this module, so that an installed package carries them. Alembic runs on our open connection:
under SQLite its DDL stands inside BEGIN IMMEDIATE, so a start that is killed leaves the old schema or the new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect

#: The newest revision. A database that has it needs nothing, and a start without Alembic is half a second shorter.
HEAD: Final = "0008"
_FOLDER: Final = Path(__file__).with_name("migrations")


class SchemaNewer(Exception):
    """The database was written by a newer program."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"the database has schema {revision}, which this program does not know; use the newer program")
        self.revision = revision


def migrate(engine: Engine) -> None:
    """Applies what is missing. Raises SchemaNewer."""
    with engine.begin() as connection:
        current = _revision(connection)
        if current == HEAD:
            return
        _upgrade(connection, current)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def _upgrade(connection: Connection, current: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    if current is not None and current not in {revision.revision for revision in scripts.walk_revisions()}:
        raise SchemaNewer(current)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
