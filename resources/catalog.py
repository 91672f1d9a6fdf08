"""Renders a database's catalog as Markdown: docs/schema.md is this text of a migrated database."""

import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from resources.migrations import require_current
from resources.settings import SchedulerSettings, ensure_server

CATALOG = files("sql") / "catalog"
DIGITS = 16
OF_TABLES = ("columns", "constraints", "indexes", "policies", "privileges", "triggers")
HEAD = """# Schema

Written by `make docs` from the catalog of a migrated database: change the migrations, not this file.
Left out are Alembic's own table `scheduler.schema_version` and the monthly partitions of the logs.
"""

Rows = Sequence[TupleRow]
Parts = dict[str, list[str]]


def render(settings: SchedulerSettings) -> str:
    """Markdown of the schemas scheduler and inventory; the same text on PostgreSQL 15 to 18.

    Raises ServerUnavailable without a server, SchemaMismatch when the database is not migrated.
    """
    require_current(settings)
    parts = [HEAD]
    for name, lines in _parts(settings).items():
        parts += [f"## {name}", "", *lines]
    return "\n".join(parts) + "\n"


def fingerprint(settings: SchedulerSettings) -> dict[str, str]:
    """The first digits of the SHA-256 of each part of that text, by its heading, migrated or not.

    Raises ServerUnavailable without a server.
    """
    return {
        name: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGITS]
        for name, lines in _parts(settings).items()
    }


def expected_fingerprint() -> dict[str, str]:
    """The fingerprint of a database that this code migrated."""
    lines = (CATALOG / "fingerprint.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition(" ") for line in lines)}


def _parts(settings: SchedulerSettings) -> Parts:
    """The lines of each table, then of the views, functions and sequences, by heading."""
    ensure_server(settings)
    with psycopg.connect(settings.conninfo(), connect_timeout=5, prepare_threshold=None) as connection:
        _read(connection, "qualify_names")
        tables = _read(connection, "tables")
        details = {kind: _by_table(_read(connection, kind)) for kind in OF_TABLES}
        views = _read(connection, "views")
        functions = _read(connection, "functions")
        sequences = _read(connection, "sequences")
    parts = {
        name: [*_table(about, {kind: rows.get(name, []) for kind, rows in details.items()})]
        for name, *about in tables
    }
    parts["Views"] = [*_views(views), ""]
    parts["Functions"] = [*_functions(functions), ""]
    parts["Sequences"] = [f"- `{name}`: {comment}" for name, comment in sequences]
    return parts


def _read(connection: Connection[TupleRow], name: str) -> Rows:
    return connection.execute((CATALOG / f"{name}.sql").read_bytes()).fetchall()


def _by_table(rows: Rows) -> dict[str, list[TupleRow]]:
    """Rows without their first column, which names the table."""
    found: dict[str, list[TupleRow]] = {}
    for table, *rest in rows:
        found.setdefault(table, []).append(tuple(rest))
    return found


def _table(about: Sequence[object], details: dict[str, list[TupleRow]]) -> Iterator[str]:
    comment, partitioned_by, isolated = about
    yield from (str(comment), "")
    if partitioned_by:
        yield from (f"Partitioned by `{partitioned_by}`.", "")
    yield from ("| Column | Type | Null | Default | Meaning |", "|---|---|---|---|---|")
    for name, kind, nullable, preset, meaning in details["columns"]:
        cells = (f"`{name}`", kind, "yes" if nullable else "", f"`{preset}`" if preset else "", meaning)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    yield from _list("Constraints", (f"`{name}`: `{text}`" for name, text in details["constraints"]))
    yield from _list("Indexes", (f"`{text}`" for (text,) in details["indexes"]))
    yield from _list("Triggers", (f"`{text}`" for (text,) in details["triggers"]))
    yield from _list("Privileges", (f"{grantee}: {granted}" for grantee, granted in details["privileges"]))
    forced = "Row-level security, forced also on the owner" if isolated else "Policies"
    yield from _list(forced, (_policy(*policy) for policy in details["policies"]))


def _policy(name: str, command: str, roles: str, seen: str | None, written: str | None) -> str:
    sees = f", sees `{seen}`" if seen else ""
    writes = f", writes `{written}`" if written else ""
    return f"`{name}` ({command}) for {roles}{sees}{writes}"


def _views(views: Rows) -> Iterator[str]:
    for name, comment, under_readers_rights in views:
        rights = "" if under_readers_rights else " (with its owner's rights)"
        yield f"- `{name}`{rights}: {comment}"


def _functions(functions: Rows) -> Iterator[str]:
    for signature, result, as_owner, comment in functions:
        rights = " with its owner's rights" if as_owner else ""
        yield f"- `{signature}` returns `{result}`{rights}: {comment}"


def _list(title: str, items: Iterator[str]) -> Iterator[str]:
    entries = [f"- {item}" for item in items]
    if entries:
        yield from (f"{title}:", "", *entries, "")
