"""The migrations make exactly the schema that the code works with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.store import migrations
from newsletter.store.audits import actions_on, record_action
from newsletter.store.database import Database, open_database
from newsletter.store.tables import metadata


def schema(connection: Connection) -> dict[str, dict[str, list[str]]]:
    """Everything the database itself says of its tables."""
    inspector = inspect(connection)
    facts = {
        "columns": inspector.get_columns,
        "key": lambda table: [inspector.get_pk_constraint(table)],
        "foreign keys": inspector.get_foreign_keys,
        "unique": inspector.get_unique_constraints,
        "indexes": inspector.get_indexes,
        "checks": inspector.get_check_constraints,
    }
    made = {}
    if connection.dialect.name == "sqlite":  # the inspector does not tell whether ids are ever given again
        rows = connection.execute(text("SELECT name, sql LIKE '%AUTOINCREMENT%' AS counted FROM sqlite_master"))
        made = {row.name: [str(row.counted)] for row in rows}
    tables = [table for table in inspector.get_table_names() if table != "alembic_version"]
    return {
        table: {
            fact: sorted(json.dumps(row, default=str, sort_keys=True) for row in read(table))
            for fact, read in facts.items()
        }
        | {"ids": made.get(table, [])}
        for table in tables
    }


def test_the_migrated_schema_is_the_one_of_the_tables(database: Database) -> None:
    with database.transaction() as connection:
        migrated = schema(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert migrated == schema(connection)
        assert set(migrated) == set(metadata.tables)


def test_the_revisions_named_in_the_code_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    walk = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in walk)[::-1] == migrations.REVISIONS


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrations.upgrade(database)
    assert migrations.pending_revisions(database) == ()


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"])
def test_the_audit_log_can_only_be_added_to(database: Database, statement: str) -> None:
    with database.transaction() as connection:
        record_action(connection, "ann", "pause", "unions", now=1)
    with pytest.raises(DBAPIError, match="only ever added to"), database.engine.begin() as connection:
        connection.execute(text(statement))
    with database.transaction() as connection:
        assert [(found.who, found.action) for found in actions_on(connection)] == [("ann", "pause")]


def test_a_database_of_an_older_version_keeps_its_rows_and_gets_what_is_new(database: Database) -> None:
    """What came after 0002 is taken away, as if it had never been, and the upgrade brings it to rows that are there."""
    with database.transaction() as connection:
        newest = schema(connection)
        connection.execute(text("DROP INDEX ix_delivery_claimed"))
        connection.execute(text("DROP INDEX ix_delivery_due"))
        connection.execute(text("CREATE INDEX ix_delivery_due ON delivery (campaign_id, state, due_at)"))
        record_action(connection, "ann", "pause", "unions", now=1)
        record_action(connection, "ann", "resolve", "unions", now=2, outcome="sent", mails=1, address="bo@x.example")
        record_action(connection, "ann", "resolve", "unions", now=3, outcome="due", mails=9, address="")
        settings = ["seeds.addresses:  → bo@x.example, cy@x.example", "sender.address:  → news@x.example"]
        record_action(connection, "ann", "apply", "unions", now=4, revision="", settings=settings)
        if database.is_postgresql:
            connection.execute(text("DROP FUNCTION refuse_audit_change CASCADE"))
            connection.execute(text("ALTER SEQUENCE delivery_id_seq CACHE 1"))
        else:
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    assert migrations.pending_revisions(database) == ("0003", "0004", "0005")
    migrations.upgrade(database)
    with pytest.raises(DBAPIError, match="only ever added to"), database.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit"))
    with database.transaction() as connection:
        assert [(found.at, found.detail) for found in actions_on(connection)][::-1] == [
            (1, {}),
            (2, {"outcome": "sent", "mails": 1, "of": "one reader"}),
            (3, {"outcome": "due", "mails": 9, "of": "all"}),
            (4, {"revision": "", "settings": ["seeds.addresses:  → (an address), (an address)", settings[1]]}),
        ]
        assert schema(connection) == newest


def test_a_migration_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'half.db'}")
    with database.transaction() as connection:
        connection.execute(text("CREATE TABLE lease (in_the_way INTEGER)"))
    with pytest.raises(StoreError, match="already exists"):
        migrations.upgrade(database)
    with database.transaction() as connection:
        assert inspect(connection).get_table_names() == ["lease"]
    database.close()


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        migrations.upgrade(database)
