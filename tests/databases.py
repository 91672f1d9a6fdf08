"""Databases for tests: fresh ones, and copies of a template that are emptied and given to the next test.

Making and dropping a database takes ten times what taking a test's rows out of it does.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from resources.embedded import EmbeddedServer

PATIENCE = 20
"""Hundredths of a second until the sessions that a test closed are gone."""
LARGE = 512 * 1024
"""Bytes of a table that are more than a test's few rows; such a database is dropped."""
WATCH = f"""
CREATE SCHEMA tests;
CREATE TABLE tests.altered (tag text);
CREATE TABLE tests.kept (statement text);

DO $$
DECLARE
    one record;
    filled boolean;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace >= 16384 AND c.relnamespace <> 'tests'::regnamespace
            AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        GROUP BY c.oid
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', one.name) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE tests.%I AS TABLE ONLY %s', one.name::text, one.name);
            INSERT INTO tests.kept VALUES (format(
                'INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM tests.%3$I',
                one.name, one.columns, one.name::text
            ));
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION tests.empty() RETURNS boolean LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE
    one record;
BEGIN
    IF EXISTS (SELECT FROM tests.altered) THEN
        RETURN false;
    END IF;
    FOR one IN
        SELECT c.oid::regclass AS name, c.relkind = 'S' AS counts, pg_relation_size(c.oid) AS size
        FROM pg_class AS c
        WHERE c.relkind IN ('r', 'S') AND c.relnamespace >= 16384 AND c.relnamespace <> 'tests'::regnamespace
    LOOP
        IF one.counts THEN
            PERFORM setval(one.name, s.seqstart, false) FROM pg_sequence AS s WHERE s.seqrelid = one.name;
        ELSIF one.size > {LARGE} THEN
            RETURN false;
        ELSIF one.size > 0 THEN
            EXECUTE format('DELETE FROM ONLY %s', one.name);
        END IF;
    END LOOP;
    FOR one IN SELECT statement FROM tests.kept LOOP
        EXECUTE one.statement;
    END LOOP;
    RETURN true;
END $$;

CREATE FUNCTION tests.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO tests.altered VALUES (tg_tag);
END $$;
CREATE EVENT TRIGGER tests_note ON ddl_command_end EXECUTE FUNCTION tests.note();
"""
IN_USE = """
SELECT
    EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            AND (state <> 'idle' OR NOT %(pooled)s)
    )
    OR EXISTS (
        SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory'
    )
    OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database())
    OR EXISTS (
        SELECT FROM pg_database AS d
        WHERE d.datname = current_database() AND (
            d.datacl IS NOT NULL OR d.datconnlimit <> -1
            OR EXISTS (SELECT FROM pg_db_role_setting AS s WHERE s.setdatabase = d.oid)
        )
    )
"""


def superuser(server: EmbeddedServer, name: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(server.conninfo(name, "postgres"), autocommit=True)


def create(server: EmbeddedServer, options: str = "") -> str:
    name = f"test_{uuid4().hex[:16]}"
    with superuser(server) as connection:
        connection.execute(f"CREATE DATABASE {name} {options} STRATEGY wal_log")
    return name


def drop(server: EmbeddedServer, name: str) -> None:
    with superuser(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def fresh_databases(server: EmbeddedServer) -> Iterator[Callable[[str], str]]:
    names: list[str] = []

    def make(options: str = "") -> str:
        names.append(create(server, options))
        return names[-1]

    try:
        yield make
    finally:
        for name in names:
            drop(server, name)


class Reused:
    """Databases of a session, lent for a test each.

    What a test leaves in tables and sequences is taken out. A database is dropped when its structure, rights
    or settings were altered, when much was written, or when somebody is still connected or holds a lock.
    """

    # A connection to each is kept: a new one's first look at every table takes five times as long.
    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.free: dict[tuple[str, bool], list[psycopg.Connection]] = defaultdict(list)

    @contextmanager
    def lend(self, options: str, pooled: bool = False) -> Iterator[str]:
        """A database as ``CREATE DATABASE … options`` makes it; pooled ones keep the idle sessions of a pooler."""
        free = self.free[options, pooled]
        connection = free.pop() if free else self._make(options)
        name = connection.info.dbname
        try:
            yield name
        finally:
            if self._empty(connection, pooled):
                free.append(connection)
            else:
                connection.close()
                drop(self.server, name)

    def _make(self, options: str) -> psycopg.Connection:
        connection = superuser(self.server, create(self.server, options))
        connection.execute(WATCH)
        return connection

    def _empty(self, connection: psycopg.Connection, pooled: bool) -> bool:
        try:
            for _ in range(PATIENCE):
                (in_use,) = connection.execute(IN_USE, {"pooled": pooled}).fetchone() or (True,)
                if not in_use:
                    (emptied,) = connection.execute("SELECT tests.empty()").fetchone() or (False,)
                    return bool(emptied)
                time.sleep(0.01)
        except psycopg.Error:
            pass
        return False
