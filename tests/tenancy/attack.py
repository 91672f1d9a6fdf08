"""One statement in a room of the product, on a transaction that is rolled back, and what came of it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from resources.queries import load
from tests.tenancy.world import is_marker

SHARED = {
    *("inventory.feed_revisions", "inventory.advisories", "inventory.advisory_ranges"),
    *("inventory.exploit_documents", "inventory.epss_scores", "inventory.known_exploited"),
    *("inventory.advisory_imports", "inventory.staged_advisories", "inventory.quarantine"),
}
THEIRS, MINE = "IS DISTINCT FROM 'acme'", "= 'acme'"
WHO = "SELECT current_user::text, current_setting('scheduler.tenant', true)"
TABLES = """
    SELECT n.nspname || '.' || c.relname, (
        SELECT max(attname::text) FROM pg_attribute
        WHERE attrelid = c.oid AND attname IN ('tenant_id', 'chain') AND NOT attisdropped)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY 1
"""


@dataclass(frozen=True)
class Outcome:
    """What a statement returned, or its error; whether a row changed that is not acme's; the room after it."""

    rows: list[tuple[Any, ...]]
    error: psycopg.Error | None
    changed: bool = False
    count: int = 0
    room_after: tuple[str, str] | None = None

    @property
    def refused(self) -> bool:
        return isinstance(self.error, psycopg.errors.InsufficientPrivilege)

    @cached_property
    def said(self) -> str:
        """All that came back, the error's words included."""
        words = [self.error.diag.message_primary, self.error.diag.message_detail] if self.error else []
        return json.dumps([self.rows, words], default=plain)


class Attacker:
    """A superuser's connection that enters rooms as the product does, so that it can look at everything after."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn)
        self.tables = self.connection.execute(TABLES).fetchall()
        """Each with the column that says whose a row is, or None."""
        self.before = self.digest()
        owned = {table: owner for table, owner in self.tables if owner}
        self.markers = self._values({table: f"{owner} {THEIRS}" for table, owner in owned.items()})
        self.markers -= self._values({table: f"{owner} {MINE}" for table, owner in owned.items()})
        self.markers -= self._values(dict.fromkeys(SHARED, "true"))
        self.connection.rollback()

    def run(self, room: str, statement: LiteralString, parameters: dict[str, Any] | None = None) -> Outcome:
        """Runs as a tenant, as the tenant '' that is none, or as 'system'."""
        try:
            self.enter(room)
            cursor = self.connection.execute(statement, parameters, prepare=False)
            rows = cursor.fetchall() if cursor.description else []
            after = self.connection.execute(WHO).fetchone()
            self.connection.execute("RESET ROLE")
            (written,) = self.connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
            changed = written is not None and self.digest() != self.before
            return Outcome(rows, None, changed, cursor.rowcount, after)
        except psycopg.Error as refusal:
            return Outcome([], refusal)
        finally:
            self.connection.rollback()

    def enter(self, room: str) -> None:
        if room == "system":
            self.connection.execute(load("session/begin_system"))
        else:
            self.connection.execute(load("session/begin_tenant"), {"tenant": room})

    def digest(self) -> str:
        """Of every row that is not acme's, in every table."""
        parts = " UNION ALL ".join(
            f"SELECT '{table}' || coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '') AS rows"
            f" FROM {table} AS t WHERE {f'{owner} {THEIRS}' if owner else 'true'}"
            for table, owner in self.tables
        )
        digest = f"SELECT md5(string_agg(rows, '')) FROM ({parts}) AS every_table"
        return str(self.connection.execute(digest).fetchone()[0])

    def stolen(self, outcome: Outcome, given: Iterable[Any] = ()) -> set[str]:
        """The victim's values that an outcome shows, those it was given left out."""
        known = json.dumps(list(given), default=plain)
        return {marker for marker in self.markers if marker in outcome.said and marker not in known}

    def _values(self, conditions: dict[str, str]) -> set[str]:
        """Every telling value of the rows of tables for which a condition holds."""
        return {
            plain_text(value)
            for table, condition in conditions.items()
            for row in self.connection.execute(f"SELECT * FROM {table} WHERE {condition}")
            for value in row
            if is_marker(value)
        }


def plain_text(value: Any) -> str:
    """A value as it stands in `said`."""
    return json.dumps(value, default=plain).strip('"')


def plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case Jsonb():
            return value.obj
        case _:
            return str(value)
