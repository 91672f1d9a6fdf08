"""Runs migrations on the connection that resources.migrations hands over, one process at a time.

Waiting for the lock is a loop of tries, each in a transaction of its own: a waiter holds no snapshot, so it
cannot deadlock with CREATE INDEX CONCURRENTLY.
"""

import time

from alembic import context
from sqlalchemy import Connection, text

LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('scheduler.migrations', 0))"


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        version_table="schema_version",
        version_table_schema="scheduler",
        transaction_per_migration=False,
    )
    while True:
        with connection.begin() as transaction:
            if connection.execute(text(LOCK)).scalar_one():
                context.run_migrations()
                return
            transaction.rollback()
        time.sleep(0.1)


run(context.config.attributes["connection"])
